-- fired: the jobs that this transaction wrote know their slot, and the log says which schedule fired them. Not a column
-- of enqueue, whose rows are many and seldom have one.
UPDATE jobs SET slot = t.slot, event_seq = event_seq + CASE WHEN :log = 'all' THEN 1 ELSE 0 END
FROM (SELECT value ->> 'id' AS id, value ->> 'slot_ms' AS slot FROM json_each(:jobs)) t
WHERE jobs.id = t.id
RETURNING jobs.id;

INSERT INTO events (job_id, n, at, type, kind, queue, data)
SELECT id, event_seq, :now, 'ScheduleFired', kind, queue, json_object('name', :name) FROM jobs
WHERE id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all' ORDER BY id;
