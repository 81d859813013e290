-- fire: each slot is decided once, whoever decides it and how often: the row of the first one stays. Returns the ids of
-- the jobs that may be written now; a slot that does not fire has none.
INSERT INTO fires (schedule, slot, job_id, outcome, reason, fired_at)
SELECT :name, value ->> 'slot_ms', value ->> 'job_id',
    CASE WHEN value ->> 'job_id' IS NULL THEN 'omitted' ELSE 'fired' END, value ->> 'reason', :now
FROM json_each(:fires) WHERE true ORDER BY value ->> 'slot_ms'
ON CONFLICT (schedule, slot) DO NOTHING RETURNING job_id
