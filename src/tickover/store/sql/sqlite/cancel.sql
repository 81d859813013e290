-- cancel: ends jobs that are not over, at once, whoever runs them. The holders' fences are void from here on (claim_id).
UPDATE jobs SET aborts = aborts + (state = 'running'), state = 'cancelled', finished_at = :now, lease_until = NULL, claim_id = NULL,
    paused_from = NULL, pause_requested_at = NULL, wait_kind = NULL, wait_ref = NULL,
    event_seq = event_seq + CASE WHEN :log = 'all' THEN 1 ELSE 0 END
WHERE id IN (SELECT value FROM json_each(:ids)) AND state NOT IN ('completed', 'failed', 'cancelled')
RETURNING id, state, fan_out_id, steps, cap_keys, CASE WHEN EXISTS (SELECT 1 FROM caps c WHERE c.key = 'queue:' || jobs.queue) THEN queue END;

INSERT INTO events (job_id, n, at, type, kind, queue, epoch)
SELECT id, event_seq, :now, 'JobCancelled', kind, queue, epoch FROM jobs WHERE id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all';
