-- cancel: ends a job that is not over, at once, whoever runs it. The holder's fence is void from here on (claim_id),
-- and it learns at its next beat or verb. No row: already over, or unknown.
WITH cancelled AS (
    UPDATE jobs SET state = 'cancelled', finished_at = clock_timestamp(), lease_until = NULL, claim_id = NULL,
        aborts = aborts + CASE WHEN state = 'running' THEN 1 ELSE 0 END,
        paused_from = NULL, pause_requested_at = NULL, wait_kind = NULL, wait_ref = NULL,
        event_seq = event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    WHERE id = CAST(:id AS uuid) AND state NOT IN ('completed', 'failed', 'cancelled')
    RETURNING id, state, event_seq, kind, queue, epoch
), logged AS (
    INSERT INTO events (job_id, n, at, type, kind, queue, epoch)
    SELECT id, event_seq, clock_timestamp(), 'JobCancelled', kind, queue, epoch FROM cancelled WHERE CAST(:log AS text) = 'all'
)
SELECT id, state FROM cancelled
