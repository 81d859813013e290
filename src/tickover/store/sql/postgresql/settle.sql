-- settle: applies a set of transitions out of `running`, each under its fence, with payload, event and roll-up.
-- Returns (id, state, run_at) of what was accepted; a row that does not come back was no longer ours.
WITH input AS MATERIALIZED (
    SELECT id, epoch, claim_id, state, counter, event, delay, result, error, error_kind, crash_run, stall_run, need_ms,
        deferrals, seconds, wait_kind, wait_ref, until, resume, data,
        CASE CAST(:log AS text) WHEN 'all' THEN true WHEN 'failures' THEN loud ELSE false END AS loud
    FROM json_to_recordset(CAST(:transitions AS json)) AS t (
        id uuid, epoch bigint, claim_id uuid, state text, counter text, event text, delay double precision,
        result text, error text, error_kind text, crash_run smallint, stall_run smallint, need_ms int,
        deferrals smallint, seconds double precision, data text, loud boolean, wait_kind text, wait_ref text,
        until timestamptz, resume boolean
    )
    UNION ALL
    -- Completions, which most are: two thousand in one set are read from arrays much sooner than from JSON.
    SELECT id, epoch, claim_id, 'completed', 'completed', 'JobCompleted', NULL, result, NULL, NULL, NULL, NULL, NULL,
        NULL, seconds, NULL, NULL, NULL, NULL, COALESCE('{"duration":' || seconds || '}', '{}'), CAST(:log AS text) = 'all'
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:epochs AS bigint[]), CAST(:claim_ids AS uuid[]), CAST(:seconds AS double precision[]),
        CAST(:results AS text[])
    ) AS t (id, epoch, claim_id, seconds, result)
), locked AS MATERIALIZED (
    -- In id order, before any update: an UPDATE that joins a set locks in plan order, and two ticks would deadlock.
    -- With everything that is to be written: a join of this with `input` has no statistics, and was planned n x n.
    SELECT t.*, j.run_at AS was_due FROM jobs j JOIN input t USING (id)
    WHERE j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
    ORDER BY j.id FOR NO KEY UPDATE OF j
), settled AS (
    UPDATE jobs j SET
        -- A pause that was asked for lands at the first write that is not an end (5-semantics, Pause).
        state = CASE WHEN t.state IN ('pending', 'waiting') AND j.pause_requested_at IS NOT NULL THEN 'paused' ELSE t.state END,
        paused_from = CASE WHEN t.state IN ('pending', 'waiting') AND j.pause_requested_at IS NOT NULL THEN t.state END,
        pause_requested_at = NULL,
        run_at = CASE WHEN t.state = 'waiting' THEN t.until WHEN t.resume THEN j.created_at WHEN t.delay IS NULL THEN j.run_at
            ELSE clock_timestamp() + t.delay * interval '1 second' END,
        wait_kind = t.wait_kind, wait_ref = t.wait_ref,
        finished_at = CASE WHEN t.state IN ('pending', 'waiting') THEN NULL ELSE clock_timestamp() END,
        lease_until = NULL,
        -- Our own writes leave epoch and claim id in place, the reaper's erase the claim id: so after a cut COMMIT
        -- we can tell whether it was ours that landed (rule 9).
        claim_id = CASE WHEN CAST(:reaping AS boolean) THEN NULL ELSE j.claim_id END,
        completed = j.completed + CASE WHEN t.counter = 'completed' THEN 1 ELSE 0 END,
        failures = j.failures + CASE WHEN t.counter = 'failures' THEN 1 ELSE 0 END,
        crashes = j.crashes + CASE WHEN t.counter = 'crashes' THEN 1 ELSE 0 END,
        yields = j.yields + CASE WHEN t.counter = 'yields' THEN 1 ELSE 0 END,
        stalls = j.stalls + CASE WHEN t.counter = 'stalls' THEN 1 ELSE 0 END,
        parks = j.parks + CASE WHEN t.counter = 'parks' THEN 1 ELSE 0 END,
        released = j.released + CASE WHEN t.counter = 'released' THEN 1 ELSE 0 END,
        crash_run = COALESCE(t.crash_run, j.crash_run), stall_run = COALESCE(t.stall_run, j.stall_run),
        need_ms = COALESCE(t.need_ms, j.need_ms), deferrals = COALESCE(t.deferrals, j.deferrals),
        event_seq = j.event_seq + CASE WHEN t.loud THEN 1 ELSE 0 END
    FROM locked t
    -- By primary key, and no second look at the state: locked rows are running still. A join that names the state was planned
    -- as n scans of every running row.
    WHERE j.id = t.id AND j.epoch = t.epoch AND j.claim_id = t.claim_id
    -- The rest needs no joins: a join of CTEs has no statistics and was planned as a nested loop over n x n rows.
    RETURNING j.id, j.kind, j.queue, j.state, j.run_at, j.epoch, j.holder, j.event_seq, t.was_due,
        j.failures + CASE WHEN t.counter = 'failures' THEN 0 ELSE 1 END AS attempt,
        t.counter, t.event, t.loud, t.data, t.seconds, t.result, t.error, t.error_kind
), stored AS (
    -- Most no-op jobs leave nothing to store; a success after a failure erases the error it no longer has.
    UPDATE job_data d SET result = s.result, error = s.error, error_kind = s.error_kind
    FROM settled s
    WHERE d.job_id = s.id
        AND (s.result IS NOT NULL OR s.error IS NOT NULL OR (s.counter = 'completed' AND s.attempt > 1))
), logged AS (
    INSERT INTO events (job_id, n, at, type, epoch, attempt, kind, queue, tick_id, data)
    SELECT id, event_seq, clock_timestamp(), event, epoch, attempt, kind, queue, holder,
        CASE WHEN event IN ('JobRetrying', 'JobReclaimed')
            THEN CAST(CAST(data AS jsonb) || jsonb_build_object('run_at', extract(epoch FROM run_at)) AS text)
            ELSE data END
    FROM settled WHERE loud ORDER BY id
), counted AS (
    -- Roll-ups for charts: written with what they count, so they can neither be lost nor doubled.
    INSERT INTO tick_stats AS c (tick_id, minute, queue, completed, failed, retried, yielded, run_ms, wait_ms)
    SELECT CAST(:tick AS uuid), date_trunc('minute', statement_timestamp()), queue,
        count(*) FILTER (WHERE event = 'JobCompleted'), count(*) FILTER (WHERE event = 'JobFailed'),
        count(*) FILTER (WHERE event = 'JobRetrying'), count(*) FILTER (WHERE event = 'JobYielded'),
        CAST(COALESCE(sum(seconds), 0) * 1000 AS bigint),
        CAST(COALESCE(sum(GREATEST(0, date_part('epoch', clock_timestamp() - was_due) - seconds)), 0) * 1000 AS bigint)
    FROM settled GROUP BY queue
    ON CONFLICT (tick_id, minute, queue) DO UPDATE SET completed = c.completed + EXCLUDED.completed,
        failed = c.failed + EXCLUDED.failed, retried = c.retried + EXCLUDED.retried,
        yielded = c.yielded + EXCLUDED.yielded, run_ms = c.run_ms + EXCLUDED.run_ms, wait_ms = c.wait_ms + EXCLUDED.wait_ms
)
SELECT id, state, run_at FROM settled
