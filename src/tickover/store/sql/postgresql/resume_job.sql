-- resume_job: a paused job may run again; a pause that a running job has not reached yet is called off.
-- A former waiter goes to pending: its replay parks it again, for the time that is left. A delay is kept.
WITH resumed AS (
    UPDATE jobs SET state = CASE WHEN state = 'paused' THEN 'pending' ELSE state END,
        run_at = CASE WHEN paused_from = 'waiting' THEN created_at ELSE run_at END,
        wait_kind = NULL, wait_ref = NULL, paused_from = NULL, pause_requested_at = NULL,
        event_seq = event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    WHERE id = CAST(:id AS uuid) AND (state = 'paused' OR (state = 'running' AND pause_requested_at IS NOT NULL))
    RETURNING id, state, event_seq, kind, queue
), logged AS (
    INSERT INTO events (job_id, n, at, type, kind, queue)
    SELECT id, event_seq, clock_timestamp(), 'JobResumed', kind, queue FROM resumed WHERE CAST(:log AS text) = 'all'
)
SELECT id, state FROM resumed
