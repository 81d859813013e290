-- wake_due: jobs whose timer or time limit has come may run again; a bounded set, oldest first.
UPDATE jobs SET state = 'pending', run_at = created_at, wait_kind = NULL, wait_ref = NULL,
    event_seq = event_seq + CASE WHEN :log = 'all' THEN 1 ELSE 0 END
WHERE id IN (SELECT id FROM jobs WHERE state = 'waiting' AND run_at <= :now ORDER BY run_at LIMIT :limit)
RETURNING id;

INSERT INTO events (job_id, n, at, type, kind, queue, data)
SELECT id, event_seq, :now, 'JobResumed', kind, queue, '{"reason":"its time has come"}' FROM jobs
WHERE id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all' ORDER BY id;
