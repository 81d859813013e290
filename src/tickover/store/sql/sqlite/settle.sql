-- settle: applies a set of transitions out of `running`, each under its fence, with payload, event and roll-up.
-- Returns (id, state, run_at) of what was accepted; a row that does not come back was no longer ours.
-- First what is still ours, so that the waits are counted while the rows still say when they were due.
SELECT jobs.id FROM jobs JOIN (
    SELECT value ->> 'id' AS id, value ->> 'epoch' AS epoch, value ->> 'claim_id' AS claim_id FROM json_each(:transitions)
) t ON jobs.id = t.id
WHERE jobs.state = 'running' AND jobs.epoch = t.epoch AND jobs.claim_id = t.claim_id;

INSERT INTO tick_stats (tick_id, minute, queue, completed, failed, retried, yielded, run_ms, wait_ms)
SELECT :tick, :now - :now % 60000, j.queue, sum(COALESCE(t.value ->> 'event', 'JobCompleted') = 'JobCompleted'), COALESCE(sum(t.value ->> 'event' = 'JobFailed'), 0),
    COALESCE(sum(t.value ->> 'event' = 'JobRetrying'), 0), COALESCE(sum(t.value ->> 'event' = 'JobYielded'), 0),
    CAST(COALESCE(sum(1000 * (t.value ->> 'seconds')), 0) AS INTEGER),
    CAST(COALESCE(sum(max(0, :now - j.run_at - 1000 * (t.value ->> 'seconds'))), 0) AS INTEGER)
FROM json_each(:transitions) t JOIN jobs j ON j.id = t.value ->> 'id'
WHERE j.id IN (SELECT value FROM json_each(:accepted)) GROUP BY j.queue
ON CONFLICT (tick_id, minute, queue) DO UPDATE SET completed = completed + excluded.completed,
    failed = failed + excluded.failed, retried = retried + excluded.retried, yielded = yielded + excluded.yielded,
    run_ms = run_ms + excluded.run_ms, wait_ms = wait_ms + excluded.wait_ms;

UPDATE jobs SET
    -- A pause that was asked for lands at the first write that is not an end (5-semantics, Pause).
    -- What is absent in a row is a plain completion.
    state = CASE WHEN t.state IN ('pending', 'waiting') AND pause_requested_at IS NOT NULL THEN 'paused' ELSE t.state END,
    paused_from = CASE WHEN t.state IN ('pending', 'waiting') AND pause_requested_at IS NOT NULL THEN t.state END,
    pause_requested_at = NULL,
    run_at = CASE WHEN t.state = 'waiting' THEN t.until_ms WHEN t.resume THEN created_at WHEN t.delay IS NULL THEN run_at
        ELSE :now + CAST(1000 * t.delay AS INTEGER) END,
    wait_kind = t.wait_kind, wait_ref = t.wait_ref,
    finished_at = CASE WHEN t.state IN ('pending', 'waiting') THEN NULL ELSE :now END,
    lease_until = NULL,
    claim_id = CASE WHEN :reaping THEN NULL ELSE jobs.claim_id END,
    completed = completed + (t.counter = 'completed'), failures = failures + (t.counter = 'failures'),
    crashes = crashes + (t.counter = 'crashes'), yields = yields + (t.counter = 'yields'),
    stalls = stalls + (t.counter = 'stalls'), parks = parks + (t.counter = 'parks'), released = released + (t.counter = 'released'),
    crash_run = COALESCE(t.crash_run, jobs.crash_run), stall_run = COALESCE(t.stall_run, jobs.stall_run),
    need_ms = COALESCE(t.need_ms, jobs.need_ms), deferrals = COALESCE(t.deferrals, jobs.deferrals),
    event_seq = event_seq + t.loud
FROM (
    SELECT value ->> 'id' AS id, value ->> 'epoch' AS epoch, value ->> 'claim_id' AS claim_id, COALESCE(value ->> 'state', 'completed') AS state,
        COALESCE(value ->> 'counter', 'completed') AS counter, value ->> 'delay' AS delay, value ->> 'crash_run' AS crash_run,
        value ->> 'wait_kind' AS wait_kind, value ->> 'wait_ref' AS wait_ref, value ->> 'until_ms' AS until_ms,
        value ->> 'resume' AS resume, value ->> 'stall_run' AS stall_run, value ->> 'need_ms' AS need_ms, value ->> 'deferrals' AS deferrals,
        CASE :log WHEN 'all' THEN 1 WHEN 'failures' THEN COALESCE(value ->> 'loud', 0) ELSE 0 END AS loud
    FROM json_each(:transitions)
) t
WHERE jobs.id = t.id AND jobs.state = 'running' AND jobs.epoch = t.epoch AND jobs.claim_id = t.claim_id
RETURNING jobs.id, jobs.state, jobs.run_at;

UPDATE job_data SET result = t.result, error = t.error, error_kind = t.error_kind
FROM (
    SELECT value ->> 'id' AS id, value ->> 'result' AS result, value ->> 'error' AS error,
        COALESCE(value ->> 'counter', 'completed') AS counter,
        value ->> 'error_kind' AS error_kind
    FROM json_each(:transitions)
) t
WHERE job_data.job_id = t.id AND t.id IN (SELECT value FROM json_each(:accepted))
    AND (t.result IS NOT NULL OR t.error IS NOT NULL
        OR (t.counter = 'completed' AND EXISTS (SELECT 1 FROM jobs j WHERE j.id = t.id AND j.failures > 0)));

INSERT INTO events (job_id, n, at, type, epoch, attempt, kind, queue, tick_id, data)
SELECT j.id, j.event_seq, :now, COALESCE(t.value ->> 'event', 'JobCompleted'), j.epoch, j.failures + (COALESCE(t.value ->> 'counter', 'completed') <> 'failures'), j.kind, j.queue, j.holder,
    CASE WHEN t.value ->> 'event' IN ('JobRetrying', 'JobReclaimed')
        THEN json_set(t.value ->> 'data', '$.run_at', j.run_at / 1000.0)
        ELSE COALESCE(t.value ->> 'data', '{"duration":' || (t.value ->> 'seconds') || '}', '{}') END
FROM json_each(:transitions) t JOIN jobs j ON j.id = t.value ->> 'id'
WHERE j.id IN (SELECT value FROM json_each(:accepted)) 
    AND CASE :log WHEN 'all' THEN 1 WHEN 'failures' THEN COALESCE(t.value ->> 'loud', 0) ELSE 0 END ORDER BY j.id;
