-- nudge: marks queues as nudged and returns those that were not: no row means that a wake is on its way already.
-- A compare-and-set, so that however many enqueue at once, one of them sends the wake. A tick clears the marks before it
-- claims; the mark of a wake that was lost goes stale.
INSERT INTO queues (name, nudged_at) SELECT value, :now FROM json_each(:queues) WHERE true
ON CONFLICT (name) DO UPDATE SET nudged_at = excluded.nudged_at
WHERE queues.nudged_at IS NULL OR queues.nudged_at <= :now - CAST(:stale * 1000 AS INTEGER)
RETURNING name;
