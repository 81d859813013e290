-- owners: which job each of these idempotency keys belongs to; resolves an enqueue whose COMMIT was cut (rule 9).
SELECT tenant, key, job_id FROM idempotency
WHERE (tenant, key) IN (SELECT * FROM json_to_recordset(CAST(:keys AS json)) AS t (tenant text, key text))
