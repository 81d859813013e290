-- wake: what these jobs wait for is there: they may run again, and first, since old work finishes first. A paused one
-- stays paused and comes from `pending` from now on. A job that waits for something else is left alone.
UPDATE jobs SET state = CASE WHEN state = 'waiting' THEN 'pending' ELSE state END,
    paused_from = CASE WHEN state = 'paused' THEN 'pending' END,
    run_at = created_at, wait_kind = NULL, wait_ref = NULL, event_seq = event_seq + CASE WHEN :log = 'all' THEN 1 ELSE 0 END
FROM (SELECT value ->> 'id' AS id, value ->> 'kind' AS kind, value ->> 'ref' AS ref FROM json_each(:waits)) t
WHERE jobs.id = t.id AND jobs.wait_kind = t.kind AND jobs.wait_ref = t.ref
    AND (jobs.state = 'waiting' OR (jobs.state = 'paused' AND jobs.paused_from = 'waiting'))
RETURNING jobs.id, jobs.state;

INSERT INTO events (job_id, n, at, type, kind, queue, data)
SELECT j.id, j.event_seq, :now, 'JobResumed', j.kind, j.queue, json_object('reason', (t.value ->> 'kind') || ' ' || (t.value ->> 'ref'))
FROM json_each(:waits) t JOIN jobs j ON j.id = t.value ->> 'id'
WHERE j.id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all';
