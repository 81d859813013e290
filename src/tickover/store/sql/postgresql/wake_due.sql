-- wake_due: jobs whose timer or time limit has come may run again; a bounded set, oldest first. SKIP LOCKED: who is
-- being woken, cancelled or paused by somebody else right now is left to them.
WITH due AS MATERIALIZED (
    SELECT id FROM jobs WHERE state = 'waiting' AND run_at <= statement_timestamp()
    ORDER BY run_at LIMIT CAST(:limit AS int) FOR NO KEY UPDATE SKIP LOCKED
), woken AS (
    UPDATE jobs j SET state = 'pending', run_at = j.created_at, wait_kind = NULL, wait_ref = NULL,
        event_seq = j.event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    WHERE j.id = ANY (ARRAY(SELECT id FROM due))
    RETURNING j.id, j.event_seq, j.kind, j.queue
), logged AS (
    INSERT INTO events (job_id, n, at, type, kind, queue, data)
    SELECT id, event_seq, clock_timestamp(), 'JobResumed', kind, queue, '{"reason":"its time has come"}'
    FROM woken WHERE CAST(:log AS text) = 'all'
)
SELECT id FROM woken
