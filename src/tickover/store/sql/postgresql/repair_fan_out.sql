-- repair_fan_out: an open fan-out gets the counters that its children have; one that is missing counts as cancelled.
-- Counted in a statement behind the lock: whoever ends a child holds this row until its commit. Returns the counters.
SELECT id FROM fan_outs WHERE id = CAST(:id AS uuid) AND status = 'open' FOR NO KEY UPDATE;

UPDATE fan_outs f SET done = n.done, failed = n.failed, cancelled = n.cancelled + f.total - n.found
FROM (
    SELECT count(*) FILTER (WHERE state = 'completed') AS done, count(*) FILTER (WHERE state = 'failed') AS failed,
        count(*) FILTER (WHERE state = 'cancelled') AS cancelled, count(*) AS found
    FROM jobs WHERE fan_out_id = CAST(:id AS uuid)
) n
WHERE f.id = CAST(:id AS uuid)
RETURNING f.total, f.done, f.failed, f.cancelled, f.strategy, f.required
