-- fire: each slot is decided once, whoever decides it and how often: the row of the first one stays. Returns the ids of
-- the jobs that may be written now; a slot that does not fire has none.
INSERT INTO fires (schedule, slot, job_id, outcome, reason, fired_at)
SELECT :name, slot, job_id, CASE WHEN job_id IS NULL THEN 'omitted' ELSE 'fired' END, reason, statement_timestamp()
FROM json_to_recordset(CAST(:fires AS json)) AS t (slot timestamptz, job_id uuid, reason text) ORDER BY slot
ON CONFLICT (schedule, slot) DO NOTHING RETURNING job_id
