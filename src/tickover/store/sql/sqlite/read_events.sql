-- read_events: the next events behind the cursor. One writer at a time: here the number's order is the commit order.
SELECT seq, at, type, job_id, kind, queue, attempt, tick_id, data FROM events
WHERE seq > :after AND (:job IS NULL OR job_id = :job)
ORDER BY seq LIMIT :limit;
