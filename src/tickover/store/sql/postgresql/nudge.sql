-- nudge: marks queues as nudged and returns those that were not: no row means that a wake is on its way already.
-- A compare-and-set, so that however many enqueue at once, one of them sends the wake. A tick clears the marks before it
-- claims; the mark of a wake that was lost goes stale. First a plain look, so that a marked row is not locked each time.
INSERT INTO queues AS q (name, nudged_at)
SELECT value, clock_timestamp() FROM json_array_elements_text(CAST(:queues AS json)) asked
WHERE NOT EXISTS (
    SELECT 1 FROM queues m
    WHERE m.name = value AND m.nudged_at > statement_timestamp() - CAST(:stale AS double precision) * interval '1 second'
)
ORDER BY value
ON CONFLICT (name) DO UPDATE SET nudged_at = EXCLUDED.nudged_at
WHERE q.nudged_at IS NULL OR q.nudged_at <= clock_timestamp() - CAST(:stale AS double precision) * interval '1 second'
RETURNING q.name
