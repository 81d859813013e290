-- resolve: after a cut connection, where each of these jobs is; the fence tells whether our write landed (rule 9).
SELECT id, state, epoch, claim_id, run_at FROM jobs
WHERE id IN (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(:ids AS json)))
