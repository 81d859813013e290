-- resume_ticks: the fleet claims again. No row: it was not paused.
WITH resumed AS (
    DELETE FROM control WHERE key = 'ticks_paused' RETURNING key
), logged AS (
    INSERT INTO events (at, type) SELECT clock_timestamp(), 'TicksResumed' FROM resumed WHERE CAST(:log AS text) = 'all'
)
SELECT key FROM resumed
