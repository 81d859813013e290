-- due: when anything is due next that a tick of this window on these queues could act on, whether that is now, and the
-- fleet's pause.
-- Read only: an idle tick on SQLite takes no write lock.
WITH RECURSIVE walk (queue) AS (
    SELECT (SELECT queue FROM jobs WHERE state = 'pending' ORDER BY queue LIMIT 1) WHERE :queues IS NULL
    UNION ALL
    SELECT (SELECT j.queue FROM jobs j WHERE j.state = 'pending' AND j.queue > w.queue ORDER BY j.queue LIMIT 1)
    FROM walk w WHERE w.queue IS NOT NULL
), served (queue) AS (
    SELECT queue FROM (SELECT queue FROM walk WHERE queue IS NOT NULL UNION ALL SELECT key FROM json_each(:queues))
    WHERE queue NOT IN (SELECT name FROM queues WHERE paused_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM control WHERE key = 'ticks_paused')
), lanes (queue, priority) AS (
    SELECT queue, (SELECT j.priority FROM jobs j WHERE j.state = 'pending' AND j.queue = s.queue ORDER BY j.priority DESC LIMIT 1)
    FROM served s
    UNION ALL
    SELECT l.queue, (
        SELECT j.priority FROM jobs j WHERE j.state = 'pending' AND j.queue = l.queue AND j.priority < l.priority
        ORDER BY j.priority DESC LIMIT 1
    )
    FROM lanes l WHERE l.priority IS NOT NULL
), candidates (at) AS (
    SELECT (
        SELECT j.run_at FROM jobs j WHERE j.state = 'pending' AND j.queue = l.queue AND j.priority = l.priority
            AND j.need_ms <= :window_ms AND (:alone OR j.crash_run < max(1, min(2, j.max_crashes - 1)))
        ORDER BY j.run_at, j.id LIMIT 1
    ) FROM lanes l WHERE l.priority IS NOT NULL
    UNION ALL
    SELECT * FROM (SELECT run_at FROM jobs WHERE state = 'waiting' AND run_at IS NOT NULL ORDER BY run_at LIMIT 1)
    UNION ALL
    SELECT min(lease_until) FROM jobs WHERE state = 'running' AND holder IS NOT :tick
)
SELECT (SELECT value FROM control WHERE key = 'ticks_paused'), min(at), COALESCE(min(at) <= :now, 0) FROM candidates;
