-- fired: the jobs that this transaction wrote know their slot, and the log says which schedule fired them. Not a column
-- of enqueue, whose rows are many and seldom have one.
WITH told AS (
    UPDATE jobs j SET slot = t.slot, event_seq = j.event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    FROM json_to_recordset(CAST(:jobs AS json)) AS t (id uuid, slot timestamptz)
    WHERE j.id = t.id
    RETURNING j.id, j.event_seq, j.kind, j.queue
), logged AS (
    INSERT INTO events (job_id, n, at, type, kind, queue, data)
    SELECT id, event_seq, clock_timestamp(), 'ScheduleFired', kind, queue, CAST(json_build_object('name', CAST(:name AS text)) AS text)
    FROM told WHERE CAST(:log AS text) = 'all'
)
SELECT id FROM told
