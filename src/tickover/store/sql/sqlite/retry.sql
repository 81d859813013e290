-- retry: failed and cancelled jobs of the set get a new budget and run again. Counters stay: `forgiven` remembers the
-- failures that no longer count. What is recorded stays, but for a failed fan-out at its end: that would fail again.
-- With :fresh the next generation starts without checkpoints. Fan-out children are left alone: their parent has counted
-- them. A key that a live job holds: unique violation, or with :skip left out.
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

DELETE FROM checkpoints WHERE rowid IN (
    SELECT c.rowid FROM jobs j JOIN fan_outs f ON f.parent_id = j.id AND f.generation = j.generation
    JOIN checkpoints c ON c.job_id = j.id AND c.generation = j.generation AND c.step_key IN (f.step_key, f.step_key || '/slots')
    WHERE j.id IN (SELECT value FROM json_each(:accepted)) AND f.status IN ('failed', 'timed_out')
        AND NOT EXISTS (  -- the handler went on after it: then it is part of the path
            SELECT 1 FROM checkpoints k JOIN checkpoints l ON l.job_id = k.job_id AND l.generation = k.generation
            WHERE k.job_id = j.id AND k.generation = j.generation AND k.step_key = f.step_key || '/slots' AND l.seq > k.seq
        )
);

UPDATE job_data SET result = NULL, error = NULL, error_kind = NULL, progress = NULL
WHERE job_id IN (SELECT value FROM json_each(:accepted));

INSERT INTO events (job_id, n, at, type, kind, queue, data)
SELECT id, event_seq, :now, 'JobResumed', kind, queue, '{"reason":"retried by hand"}' FROM jobs
WHERE id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all';
