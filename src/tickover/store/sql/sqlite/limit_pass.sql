-- limit_pass: gives what is free of these caps to those who wait longest for it, the most urgent first, as far as it
-- goes: each may run again, and its place is kept for a minute until it is claimed. In the transaction that freed the
-- places.
INSERT INTO cap_slots (key, job_id, epoch, expires_at)
SELECT key, id, epoch, :now + 60000 FROM (
    SELECT c.key, w.id, w.epoch, row_number() OVER (PARTITION BY c.key ORDER BY w.priority DESC, w.id) AS place, c.most - (
        SELECT count(*) FROM cap_slots s JOIN jobs j ON j.id = s.job_id WHERE s.key = c.key AND s.promised IS NULL AND ((j.state = 'running' AND j.epoch = s.epoch) OR (j.state = 'pending' AND s.expires_at > :now))
    ) AS free
    FROM json_each(:keys) k JOIN caps c ON c.key = k.value
    JOIN jobs w ON w.state = 'waiting' AND w.wait_kind = 'cap' AND w.wait_ref = 'cap:' || c.key
) WHERE place <= free
ON CONFLICT (key, job_id) DO UPDATE SET epoch = excluded.epoch, expires_at = excluded.expires_at, promised = NULL
RETURNING job_id;

UPDATE jobs SET state = 'pending', run_at = created_at, wait_kind = NULL, wait_ref = NULL,
    event_seq = event_seq + CASE WHEN :log = 'all' THEN 1 ELSE 0 END
WHERE id IN (SELECT value FROM json_each(:accepted)) AND state = 'waiting'
RETURNING id;

INSERT INTO events (job_id, n, at, type, kind, queue, data)
SELECT id, event_seq, :now, 'JobResumed', kind, queue, '{"reason":"a place of a cap is free"}' FROM jobs
WHERE id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all'
