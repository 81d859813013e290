-- unmark: the next enqueue to these queues (null: to any) asks for a wake again: a tick is here, or the wake was not sent.
UPDATE queues SET nudged_at = NULL
WHERE nudged_at IS NOT NULL AND (:queues IS NULL OR name IN (SELECT value FROM json_each(:queues)));
