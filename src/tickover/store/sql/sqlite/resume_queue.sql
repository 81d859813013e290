-- resume_queue: the queue is served again. No row: it is not paused.
UPDATE queues SET paused_at = NULL, paused_by = NULL, reason = NULL WHERE name = :queue AND paused_at IS NOT NULL
RETURNING name;

INSERT INTO events (at, type, queue) SELECT :now, 'QueueResumed', value FROM json_each(:accepted) WHERE :log = 'all';
