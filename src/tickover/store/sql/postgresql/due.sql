-- due: when anything is due next that a tick of this window on these queues could act on, whether that is now, and the
-- fleet's pause.
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
), served (queue) AS (
    SELECT DISTINCT queue FROM lanes
    WHERE (CAST(:queues AS json) IS NULL OR queue IN (SELECT json_object_keys(CAST(:queues AS json))))
        AND queue NOT IN (SELECT name FROM queues WHERE paused_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM control WHERE key = 'ticks_paused')
)
SELECT (SELECT value FROM control WHERE key = 'ticks_paused'), due.at, due.at <= statement_timestamp()
FROM (SELECT LEAST(
    (SELECT min(first.run_at) FROM served s JOIN lanes l USING (queue) CROSS JOIN LATERAL (
        SELECT j.run_at FROM jobs j WHERE j.state = 'pending' AND j.queue = l.queue AND j.priority = l.priority
            AND j.need_ms <= CAST(:window_ms AS bigint)
            AND (CAST(:alone AS boolean) OR j.crash_run < GREATEST(1, LEAST(2, j.max_crashes - 1)))
        ORDER BY j.run_at, j.id LIMIT 1
    ) first),
    (SELECT j.run_at FROM jobs j WHERE j.state = 'waiting' AND j.run_at IS NOT NULL ORDER BY j.run_at LIMIT 1),
    (SELECT min(j.lease_until) FROM jobs j WHERE j.state = 'running' AND j.holder IS DISTINCT FROM CAST(:tick AS uuid))
) AS at OFFSET 0) due
