-- take_signals: the oldest unread messages of a name, read from now on by one step.
UPDATE signals SET consumed_at = :now, consumed_by = :by
WHERE seq IN (SELECT seq FROM signals WHERE job_id = :id AND name = :name AND consumed_at IS NULL ORDER BY seq LIMIT :limit)
RETURNING seq, payload;
