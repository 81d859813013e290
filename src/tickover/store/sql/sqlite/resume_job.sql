-- resume_job: a paused job may run again; a pause that a running job has not reached yet is called off.
-- A former waiter goes to pending: its replay parks it again, for the time that is left. A delay is kept.
UPDATE jobs SET state = CASE WHEN state = 'paused' THEN 'pending' ELSE state END,
    run_at = CASE WHEN paused_from = 'waiting' THEN created_at ELSE run_at END,
    wait_kind = NULL, wait_ref = NULL, paused_from = NULL, pause_requested_at = NULL,
    event_seq = event_seq + CASE WHEN :log = 'all' THEN 1 ELSE 0 END
WHERE id = :id AND (state = 'paused' OR (state = 'running' AND pause_requested_at IS NOT NULL))
RETURNING id, state;

INSERT INTO events (job_id, n, at, type, kind, queue)
SELECT id, event_seq, :now, 'JobResumed', kind, queue FROM jobs WHERE id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all';
