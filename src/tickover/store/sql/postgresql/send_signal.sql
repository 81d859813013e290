-- send_signal: keeps a message for a job whose row this transaction has locked, so that the order of the numbers is the
-- order of the commits. No row: a message with this id came before.
WITH sent AS (
    INSERT INTO signals (job_id, name, message_id, payload, created_at)
    VALUES (CAST(:id AS uuid), :name, :message, :payload, clock_timestamp())
    ON CONFLICT (job_id, name, message_id) DO NOTHING
    RETURNING seq, job_id, name
), counted AS (
    UPDATE jobs j SET event_seq = j.event_seq + 1 FROM sent s WHERE j.id = s.job_id AND CAST(:log AS text) = 'all'
    RETURNING j.id, j.event_seq, j.kind, j.queue
), logged AS (
    INSERT INTO events (job_id, n, at, type, kind, queue, data)
    SELECT c.id, c.event_seq, clock_timestamp(), 'SignalSent', c.kind, c.queue, CAST(json_build_object('name', s.name) AS text)
    FROM counted c JOIN sent s ON s.job_id = c.id
)
SELECT seq FROM sent
