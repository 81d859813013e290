-- send_signal: keeps a message for a job. No row: a message with this id came before.
INSERT INTO signals (job_id, name, message_id, payload, created_at) VALUES (:id, :name, :message, :payload, :now)
ON CONFLICT (job_id, name, message_id) DO NOTHING
RETURNING seq;

UPDATE jobs SET event_seq = event_seq + 1 WHERE id = :id AND :log = 'all';

INSERT INTO events (job_id, n, at, type, kind, queue, data)
SELECT id, event_seq, :now, 'SignalSent', kind, queue, json_object('name', :name) FROM jobs WHERE id = :id AND :log = 'all';
