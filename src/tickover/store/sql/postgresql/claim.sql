-- claim: takes at most :n ready jobs for this tick, no job twice, in one statement; says when anything else is due.
--
-- Not "WHERE id IN (SELECT … LIMIT n FOR UPDATE SKIP LOCKED)": the planner may run such a sub-select again per row and
-- claim more than n (tests/plans/test_claim_takes_exactly_n). FOR NO KEY UPDATE: FOR UPDATE would skip a job with an
-- uncommitted row that refers to it.
WITH RECURSIVE lanes (queue, priority) AS (
    -- The distinct (queue, priority) pairs that have pending jobs, walked by the claim index: one probe each, so that
    -- 100,000 future jobs at a high priority cost a probe and not a scan. One walk from one row, since the planner
    -- multiplies its guess at each recursion, and a high guess has the statement compiled for 70 ms (JIT).
    (SELECT queue, priority FROM jobs WHERE state = 'pending' ORDER BY queue, priority DESC LIMIT 1)
    UNION ALL
    SELECT n.queue, n.priority FROM lanes l CROSS JOIN LATERAL (
        SELECT * FROM (
            (SELECT j.queue, j.priority, 0 AS step FROM jobs j
             WHERE j.state = 'pending' AND j.queue = l.queue AND j.priority < l.priority
             ORDER BY j.priority DESC LIMIT 1)
            UNION ALL
            (SELECT j.queue, j.priority, 1 FROM jobs j
             WHERE j.state = 'pending' AND j.queue > l.queue ORDER BY j.queue, j.priority DESC LIMIT 1)
        ) next ORDER BY step LIMIT 1
    ) n
), asked (queue, priorities, room) AS (
    -- Once per queue, as an array: looked up in the walk per queue, four thousand queues cost two seconds.
    SELECT q.queue, q.priorities, CASE WHEN CAST(:queues AS json) IS NULL THEN CAST(:n AS int) ELSE LEAST(CAST(a.value AS int), CAST(:n AS int)) END
    FROM (SELECT queue, array_agg(priority ORDER BY priority DESC) AS priorities FROM lanes GROUP BY queue) q LEFT JOIN json_each_text(CAST(:queues AS json)) a ON a.key = q.queue
    WHERE CAST(:queues AS json) IS NULL OR a.key IS NOT NULL  -- LEAST skips NULL: a queue nobody named would have room
), served AS MATERIALIZED (
    -- Pauses are read here, in the claim itself; uncorrelated, so each is evaluated once (R-007, R-008). With very many
    -- queues each gives a few, so that the rows locked stay in proportion to the rows taken.
    SELECT queue, priorities, row_number() OVER (ORDER BY queue) AS lane,
        CASE WHEN count(*) OVER () > 8 THEN LEAST(room, 1 + 8 * CAST(:n AS int) / CAST(count(*) OVER () AS int)) ELSE room END AS room
    FROM asked
    WHERE room > 0 AND queue NOT IN (SELECT name FROM queues WHERE paused_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM control WHERE key = 'ticks_paused')
), ranked AS MATERIALIZED (
    -- Numbered as they come, which is their order: a window with an order of its own would sort them once more.
    SELECT r.*, s.lane FROM served s CROSS JOIN LATERAL (
        SELECT j.*, row_number() OVER () AS place FROM unnest(s.priorities) l (priority)
        CROSS JOIN LATERAL (
            SELECT id, priority, run_at, crash_run, crash_run >= GREATEST(1, LEAST(2, max_crashes - 1)) AS suspect
            FROM jobs
            WHERE state = 'pending' AND queue = s.queue AND priority = l.priority AND run_at <= statement_timestamp()
                AND need_ms <= CAST(:left_ms AS bigint)
                -- A suspect may only be looked at while nothing else runs in this tick.
                AND (CAST(:alone AS boolean) OR crash_run < GREATEST(1, LEAST(2, max_crashes - 1)))
            -- The planner knows :n and not s.room, for which it would guess a tenth of a million and have the statement
            -- compiled (JIT) for seconds. Rows are locked as they are asked for, and the outer limit stops asking.
            ORDER BY run_at, id LIMIT CAST(:n AS int)
            FOR NO KEY UPDATE SKIP LOCKED
        ) j
        LIMIT s.room
    ) r
), suspect AS (
    SELECT id FROM ranked WHERE suspect AND place = 1 ORDER BY priority DESC, run_at, id LIMIT 1
), picked AS MATERIALIZED (
    SELECT id FROM suspect
    UNION ALL
    (
        -- Queues take turns, each claim from another one on: else the first one would take every slot that gets free.
        -- A job that crashed before starts at once or not at all: it is not claimed ahead.
        SELECT id FROM (
            SELECT id, crash_run, row_number() OVER (
                ORDER BY place, (lane + CAST(:turn AS bigint)) % (SELECT count(*) FROM served)
            ) AS seat
            FROM ranked WHERE NOT suspect AND NOT EXISTS (SELECT 1 FROM suspect)
        ) fair
        WHERE crash_run = 0 OR seat <= CAST(:free AS int)
        ORDER BY seat LIMIT CAST(:n AS int)
    )
), claimed AS (
    UPDATE jobs j SET state = 'running', epoch = j.epoch + 1, claim_id = gen_random_uuid(), starts = j.starts + 1,
        holder = CAST(:tick AS uuid), lease_until = clock_timestamp() + CAST(:lease AS double precision) * interval '1 second',
        started_at = clock_timestamp(), event_seq = j.event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    -- By primary key, and no second look at the state: picked rows are locked, so they are pending still. A join that
    -- names the state was planned as a scan of every pending row.
    WHERE j.id = ANY (ARRAY(SELECT id FROM picked))
    RETURNING j.*
), logged AS (
    INSERT INTO events (job_id, n, at, type, epoch, attempt, kind, queue, tick_id)
    SELECT id, event_seq, started_at, 'JobStarted', epoch, failures + 1, kind, queue, holder
    FROM claimed WHERE CAST(:log AS text) = 'all'
), recorded AS (
    -- Only a tick that got work leaves a row.
    INSERT INTO ticks AS t (id, function, trigger, parent, cold, started_at, deadline_at, claimed)
    SELECT CAST(:tick AS uuid), :function, :trigger, CAST(:parent AS uuid), CAST(:cold AS smallint),
        clock_timestamp() - CAST(:age AS double precision) * interval '1 second',
        clock_timestamp() + CAST(:left AS double precision) * interval '1 second', (SELECT count(*) FROM claimed)
    WHERE EXISTS (SELECT 1 FROM claimed)
    ON CONFLICT (id) DO UPDATE SET claimed = t.claimed + EXCLUDED.claimed
)
SELECT state.paused, due.at, due.at <= statement_timestamp(), /*claimed*/
FROM (SELECT (SELECT value FROM control WHERE key = 'ticks_paused') AS paused) state
CROSS JOIN (
    -- Only a claim that found less than it wanted has seen everything; then, and only then, this is looked for: what a
    -- tick like this one could take. What needs a longer window, or to be alone where that is not to be had, would have
    -- ticks wake each other for nothing.
    SELECT CASE WHEN (SELECT count(*) FROM picked) < CAST(:n AS int) THEN LEAST(
        (SELECT min(first.run_at) FROM served s CROSS JOIN unnest(s.priorities) l (priority) CROSS JOIN LATERAL (
            SELECT j.run_at FROM jobs j
            WHERE j.state = 'pending' AND j.queue = s.queue AND j.priority = l.priority
                AND j.need_ms <= CAST(:window_ms AS bigint)
                AND (CAST(:alone AS boolean) OR j.crash_run < GREATEST(1, LEAST(2, j.max_crashes - 1)))
                AND NOT EXISTS (SELECT 1 FROM picked p WHERE p.id = j.id)
            ORDER BY j.run_at, j.id LIMIT 1
        ) first),
        (SELECT j.run_at FROM jobs j WHERE j.state = 'waiting' AND j.run_at IS NOT NULL ORDER BY j.run_at LIMIT 1),
        (SELECT min(j.lease_until) FROM jobs j WHERE j.state = 'running' AND j.holder IS DISTINCT FROM CAST(:tick AS uuid))
    ) END AS at
    OFFSET 0  -- a fence: pulled up, the expression would be computed at each mention
) due
LEFT JOIN (claimed j JOIN job_data d ON d.job_id = j.id) ON true
