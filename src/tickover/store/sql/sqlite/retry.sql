-- retry: failed and cancelled jobs of the set get a new budget and run again. Counters stay: `forgiven` remembers the
-- failures that no longer count. With :fresh the next generation starts without checkpoints. Fan-out children are
-- left alone: their parent has counted them. A key that a live job holds: unique violation, or with :skip left out.
UPDATE jobs SET state = 'pending', finished_at = NULL, run_at = :now, claim_id = NULL,
    forgiven = failures, crash_run = 0, stall_run = 0, need_ms = 0, deferrals = 0,
    generation = generation + CASE WHEN :fresh THEN 1 ELSE 0 END,
    steps = CASE WHEN :fresh THEN 0 ELSE steps END,
    event_seq = event_seq + CASE WHEN :log = 'all' THEN 1 ELSE 0 END
WHERE id IN (SELECT value FROM json_each(:ids)) AND state IN ('failed', 'cancelled') AND fan_out_id IS NULL
    AND (NOT :skip OR unique_key IS NULL OR NOT EXISTS (
        SELECT 1 FROM jobs k WHERE k.tenant = jobs.tenant AND k.unique_key = jobs.unique_key
            AND k.state NOT IN ('completed', 'failed', 'cancelled')
    ))
RETURNING id;

UPDATE job_data SET result = NULL, error = NULL, error_kind = NULL, progress = NULL
WHERE job_id IN (SELECT value FROM json_each(:accepted));

INSERT INTO events (job_id, n, at, type, kind, queue, data)
SELECT id, event_seq, :now, 'JobResumed', kind, queue, '{"reason":"retried by hand"}' FROM jobs
WHERE id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all';
