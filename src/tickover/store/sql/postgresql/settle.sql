-- settle: applies a set of transitions out of `running`, each under its fence, with payload, event and roll-up.
-- Returns (id, state, run_at) of what was accepted; a row that does not come back was no longer ours.
WITH input AS MATERIALIZED (
    SELECT * FROM json_to_recordset(CAST(:transitions AS json)) AS t (
        id uuid, epoch bigint, claim_id uuid, state text, counter text, event text, delay double precision,
        result text, error text, error_kind text, crash_run smallint, stall_run smallint, need_ms int,
        deferrals smallint, seconds double precision, data text, loud boolean
    )
), locked AS MATERIALIZED (
    -- In id order, before any update: an UPDATE that joins a set locks in plan order, and two ticks would deadlock.
    SELECT j.id, j.run_at AS was_due FROM jobs j JOIN input t USING (id)
    WHERE j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
    ORDER BY j.id FOR NO KEY UPDATE OF j
), settled AS (
    UPDATE jobs j SET
        -- A pause that was asked for lands at the first write that is not an end (5-semantics, Pause).
        state = CASE WHEN t.state = 'pending' AND j.pause_requested_at IS NOT NULL THEN 'paused' ELSE t.state END,
        paused_from = CASE WHEN t.state = 'pending' AND j.pause_requested_at IS NOT NULL THEN 'pending' END,
        pause_requested_at = NULL,
        run_at = CASE WHEN t.delay IS NULL THEN j.run_at ELSE clock_timestamp() + t.delay * interval '1 second' END,
        finished_at = CASE WHEN t.state = 'pending' THEN NULL ELSE clock_timestamp() END,
        lease_until = NULL,
        -- Our own writes leave epoch and claim id in place, the reaper's erase the claim id: so after a cut COMMIT
        -- we can tell whether it was ours that landed (rule 9).
        claim_id = CASE WHEN CAST(:reaping AS boolean) THEN NULL ELSE j.claim_id END,
        completed = j.completed + CASE WHEN t.counter = 'completed' THEN 1 ELSE 0 END,
        failures = j.failures + CASE WHEN t.counter = 'failures' THEN 1 ELSE 0 END,
        crashes = j.crashes + CASE WHEN t.counter = 'crashes' THEN 1 ELSE 0 END,
        yields = j.yields + CASE WHEN t.counter = 'yields' THEN 1 ELSE 0 END,
        stalls = j.stalls + CASE WHEN t.counter = 'stalls' THEN 1 ELSE 0 END,
        released = j.released + CASE WHEN t.counter = 'released' THEN 1 ELSE 0 END,
        crash_run = COALESCE(t.crash_run, j.crash_run), stall_run = COALESCE(t.stall_run, j.stall_run),
        need_ms = COALESCE(t.need_ms, j.need_ms), deferrals = COALESCE(t.deferrals, j.deferrals),
        event_seq = j.event_seq + CASE WHEN t.loud THEN 1 ELSE 0 END
    FROM locked l JOIN input t USING (id)
    WHERE j.id = l.id AND j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
    RETURNING j.id, j.kind, j.queue, j.state, j.run_at, j.epoch, j.failures + CASE WHEN j.completed > 0 THEN 1 ELSE 0 END AS attempt, j.holder, j.event_seq
), stored AS (
    -- Most no-op jobs leave nothing to store; a success after a failure erases the error it no longer has.
    UPDATE job_data d SET result = t.result, error = t.error, error_kind = t.error_kind
    FROM input t JOIN settled s USING (id)
    WHERE d.job_id = t.id
        AND (t.result IS NOT NULL OR t.error IS NOT NULL OR (t.counter = 'completed' AND s.attempt > 1))
), logged AS (
    INSERT INTO events (job_id, n, at, type, epoch, attempt, kind, queue, tick_id, data)
    SELECT s.id, s.event_seq, clock_timestamp(), t.event, s.epoch, s.attempt, s.kind, s.queue, s.holder,
        CASE WHEN t.event IN ('JobRetrying', 'JobReclaimed')
            THEN CAST(CAST(t.data AS jsonb) || jsonb_build_object('run_at', extract(epoch FROM s.run_at)) AS text)
            ELSE t.data END
    FROM settled s JOIN input t USING (id) WHERE t.loud ORDER BY s.id
), counted AS (
    -- Roll-ups for charts: written with what they count, so they can neither be lost nor doubled.
    INSERT INTO tick_stats AS c (tick_id, minute, queue, completed, failed, retried, yielded, run_ms, wait_ms)
    SELECT CAST(:tick AS uuid), date_trunc('minute', statement_timestamp()), s.queue,
        count(*) FILTER (WHERE t.event = 'JobCompleted'), count(*) FILTER (WHERE t.event = 'JobFailed'),
        count(*) FILTER (WHERE t.event = 'JobRetrying'), count(*) FILTER (WHERE t.event = 'JobYielded'),
        CAST(COALESCE(sum(t.seconds), 0) * 1000 AS bigint),
        CAST(COALESCE(sum(GREATEST(0, extract(epoch FROM clock_timestamp() - l.was_due) - t.seconds)), 0) * 1000 AS bigint)
    FROM settled s JOIN input t USING (id) JOIN locked l USING (id) GROUP BY s.queue
    ON CONFLICT (tick_id, minute, queue) DO UPDATE SET completed = c.completed + EXCLUDED.completed,
        failed = c.failed + EXCLUDED.failed, retried = c.retried + EXCLUDED.retried,
        yielded = c.yielded + EXCLUDED.yielded, run_ms = c.run_ms + EXCLUDED.run_ms, wait_ms = c.wait_ms + EXCLUDED.wait_ms
)
SELECT id, state, run_at FROM settled
