-- pause_queue: no claim that starts from now on takes a job of this queue. No row: it is paused already.
WITH paused AS (
    INSERT INTO queues AS q (name, paused_at, paused_by, reason) VALUES (:queue, clock_timestamp(), :by, :reason)
    ON CONFLICT (name) DO UPDATE SET paused_at = EXCLUDED.paused_at, paused_by = EXCLUDED.paused_by, reason = EXCLUDED.reason
    WHERE q.paused_at IS NULL
    RETURNING q.name
), logged AS (
    INSERT INTO events (at, type, queue, data)
    SELECT clock_timestamp(), 'QueuePaused', name, CAST(json_build_object('reason', CAST(:reason AS text)) AS text)
    FROM paused WHERE CAST(:log AS text) = 'all'
)
SELECT name FROM paused
