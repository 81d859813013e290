-- pause_job: a job that waits for its turn is paused now; a running one at its next write that is not an end.
UPDATE jobs SET paused_from = CASE WHEN state <> 'running' THEN state END,
    pause_requested_at = CASE WHEN state = 'running' THEN :now END,
    state = CASE WHEN state = 'running' THEN state ELSE 'paused' END,
    event_seq = event_seq + CASE WHEN :log = 'all' THEN 1 ELSE 0 END
WHERE id = :id AND state IN ('pending', 'waiting', 'running') AND pause_requested_at IS NULL
RETURNING id, state;

INSERT INTO events (job_id, n, at, type, kind, queue)
SELECT id, event_seq, :now, 'JobPaused', kind, queue FROM jobs WHERE id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all';
