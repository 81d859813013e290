-- owners: which job each of these idempotency keys belongs to; resolves an enqueue whose COMMIT was cut (rule 9).
SELECT tenant, key, job_id FROM idempotency
WHERE (tenant, key) IN (SELECT value ->> 'tenant', value ->> 'key' FROM json_each(:keys));
