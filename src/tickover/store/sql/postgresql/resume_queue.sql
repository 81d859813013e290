-- resume_queue: the queue is served again. No row: it is not paused.
WITH resumed AS (
    UPDATE queues SET paused_at = NULL, paused_by = NULL, reason = NULL WHERE name = :queue AND paused_at IS NOT NULL
    RETURNING name
), logged AS (
    INSERT INTO events (at, type, queue) SELECT clock_timestamp(), 'QueueResumed', name FROM resumed WHERE CAST(:log AS text) = 'all'
)
SELECT name FROM resumed
