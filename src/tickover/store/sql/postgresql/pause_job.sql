-- pause_job: a job that waits for its turn is paused now; a running one at its next write that is not an end.
-- One UPDATE: read-then-write would lose a claim in between. No row: already paused, over, or unknown.
WITH paused AS (
    UPDATE jobs SET paused_from = CASE WHEN state <> 'running' THEN state END,
        pause_requested_at = CASE WHEN state = 'running' THEN clock_timestamp() END,
        state = CASE WHEN state = 'running' THEN state ELSE 'paused' END,
        event_seq = event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    WHERE id = CAST(:id AS uuid) AND state IN ('pending', 'waiting', 'running') AND pause_requested_at IS NULL
    RETURNING id, state, event_seq, kind, queue
), logged AS (
    INSERT INTO events (job_id, n, at, type, kind, queue)
    SELECT id, event_seq, clock_timestamp(), 'JobPaused', kind, queue FROM paused WHERE CAST(:log AS text) = 'all'
)
SELECT id, state FROM paused
