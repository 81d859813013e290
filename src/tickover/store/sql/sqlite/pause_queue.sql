-- pause_queue: no claim that starts from now on takes a job of this queue. No row: it is paused already.
INSERT INTO queues (name, paused_at, paused_by, reason) VALUES (:queue, :now, :by, :reason)
ON CONFLICT (name) DO UPDATE SET paused_at = excluded.paused_at, paused_by = excluded.paused_by, reason = excluded.reason
WHERE queues.paused_at IS NULL
RETURNING name;

INSERT INTO events (at, type, queue, data)
SELECT :now, 'QueuePaused', value, json_object('reason', :reason) FROM json_each(:accepted) WHERE :log = 'all';
