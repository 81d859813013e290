-- cancel: ends jobs that are not over, at once, whoever runs them. The holders' fences are void from here on (claim_id),
-- and they learn at their next beat or verb. Rows are locked in id order. Those already over, or unknown, have no row.
WITH locked AS MATERIALIZED (
    SELECT id FROM jobs WHERE id IN (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(:ids AS json)))
    ORDER BY id FOR NO KEY UPDATE
), cancelled AS (
    UPDATE jobs j SET state = 'cancelled', finished_at = clock_timestamp(), lease_until = NULL, claim_id = NULL,
        aborts = j.aborts + CASE WHEN j.state = 'running' THEN 1 ELSE 0 END,
        paused_from = NULL, pause_requested_at = NULL, wait_kind = NULL, wait_ref = NULL,
        event_seq = j.event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    FROM locked l WHERE j.id = l.id AND j.state NOT IN ('completed', 'failed', 'cancelled')
    RETURNING j.id, j.state, j.fan_out_id, j.steps, j.event_seq, j.kind, j.queue, j.epoch, j.cap_keys
), logged AS (
    INSERT INTO events (job_id, n, at, type, kind, queue, epoch)
    SELECT id, event_seq, clock_timestamp(), 'JobCancelled', kind, queue, epoch FROM cancelled WHERE CAST(:log AS text) = 'all'
)
SELECT id, state, fan_out_id, steps, cap_keys, CASE WHEN EXISTS (SELECT 1 FROM caps c WHERE c.key = 'queue:' || queue) THEN queue END
FROM cancelled
