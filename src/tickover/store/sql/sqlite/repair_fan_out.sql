-- repair_fan_out: an open fan-out gets the counters that its children have; one that is missing counts as cancelled.
-- Returns the counters.
UPDATE fan_outs SET done = n.done, failed = n.failed, cancelled = n.cancelled + total - n.found
FROM (
    SELECT count(*) FILTER (WHERE state = 'completed') AS done, count(*) FILTER (WHERE state = 'failed') AS failed,
        count(*) FILTER (WHERE state = 'cancelled') AS cancelled, count(*) AS found
    FROM jobs WHERE fan_out_id = :id
) n
WHERE fan_outs.id = :id AND status = 'open'
RETURNING total, fan_outs.done, fan_outs.failed, fan_outs.cancelled, strategy, required
