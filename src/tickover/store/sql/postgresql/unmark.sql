-- unmark: the next enqueue to these queues (null: to any) asks for a wake again, since the last one could not be sent.
UPDATE queues SET nudged_at = NULL
WHERE nudged_at IS NOT NULL AND (CAST(:queues AS json) IS NULL OR name IN (SELECT json_array_elements_text(CAST(:queues AS json))))
