-- progress: what running jobs say about how far they are; kept only while the fence holds.
UPDATE jobs SET event_seq = event_seq + CASE WHEN :log = 'all' THEN 1 ELSE 0 END
FROM (SELECT value ->> 'id' AS id, value ->> 'epoch' AS epoch, value ->> 'claim_id' AS claim_id FROM json_each(:reports)) t
WHERE jobs.id = t.id AND jobs.state = 'running' AND jobs.epoch = t.epoch AND jobs.claim_id = t.claim_id
RETURNING jobs.id;

UPDATE job_data SET progress = t.value ->> 'data' FROM json_each(:reports) t
WHERE job_data.job_id = t.value ->> 'id' AND job_data.job_id IN (SELECT value FROM json_each(:accepted));

INSERT INTO events (job_id, n, at, type, epoch, attempt, kind, queue, tick_id, data)
SELECT j.id, j.event_seq, :now, 'Progress', j.epoch, j.failures + 1, j.kind, j.queue, j.holder, '{"data":' || (t.value ->> 'data') || '}'
FROM json_each(:reports) t JOIN jobs j ON j.id = t.value ->> 'id'
WHERE j.id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all';
