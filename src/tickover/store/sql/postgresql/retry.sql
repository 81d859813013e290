-- retry: failed and cancelled jobs of the set get a new budget and run again. Counters stay: `forgiven` remembers the
-- failures that no longer count. What is recorded stays, but for a failed fan-out at its end: that would fail again.
-- With :fresh the next generation starts without checkpoints. Fan-out children are left alone: their parent has counted
-- them. A key that a live job holds: unique violation, or with :skip left out.
WITH input AS MATERIALIZED (
    SELECT CAST(value AS uuid) AS id FROM json_array_elements_text(CAST(:ids AS json))
), retried AS (
    UPDATE jobs j SET state = 'pending', finished_at = NULL, run_at = statement_timestamp(), claim_id = NULL,
        forgiven = j.failures, crash_run = 0, stall_run = 0, need_ms = 0, deferrals = 0,
        generation = j.generation + CASE WHEN CAST(:fresh AS boolean) THEN 1 ELSE 0 END,
        steps = CASE WHEN CAST(:fresh AS boolean) THEN 0 ELSE j.steps END,
        event_seq = j.event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    FROM (SELECT j.id FROM jobs j JOIN input USING (id) ORDER BY j.id FOR NO KEY UPDATE OF j) l
    WHERE j.id = l.id AND j.state IN ('failed', 'cancelled') AND j.fan_out_id IS NULL
        AND (NOT CAST(:skip AS boolean) OR j.unique_key IS NULL OR NOT EXISTS (
            SELECT 1 FROM jobs k WHERE k.tenant = j.tenant AND k.unique_key = j.unique_key
                AND k.state NOT IN ('completed', 'failed', 'cancelled')
        ))
    RETURNING j.id, j.generation, j.event_seq, j.kind, j.queue
), undone AS (
    DELETE FROM checkpoints c USING retried r JOIN fan_outs f ON f.parent_id = r.id AND f.generation = r.generation
    WHERE f.status IN ('failed', 'timed_out') AND c.job_id = r.id AND c.generation = r.generation
        AND c.step_key IN (f.step_key, f.step_key || '/slots')
        AND NOT EXISTS (  -- the handler went on after it: then it is part of the path
            SELECT 1 FROM checkpoints k JOIN checkpoints l ON l.job_id = k.job_id AND l.generation = k.generation
            WHERE k.job_id = r.id AND k.generation = r.generation AND k.step_key = f.step_key || '/slots' AND l.seq > k.seq
        )
), cleared AS (
    UPDATE job_data d SET result = NULL, error = NULL, error_kind = NULL, progress = NULL FROM retried r WHERE d.job_id = r.id
), logged AS (
    INSERT INTO events (job_id, n, at, type, kind, queue, data)
    SELECT id, event_seq, clock_timestamp(), 'JobResumed', kind, queue, '{"reason":"retried by hand"}'
    FROM retried WHERE CAST(:log AS text) = 'all'
)
SELECT id FROM retried
