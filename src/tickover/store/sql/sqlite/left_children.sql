-- left_children: a bounded set of fan-outs that have live children whom nobody will ever collect: their parent is over or
-- began anew, or they failed and wanted their children cancelled. Whoever walked down to them died on the way. Read only.
SELECT DISTINCT c.fan_out_id FROM jobs c JOIN jobs p ON p.id = c.parent_id JOIN fan_outs f ON f.id = c.fan_out_id
WHERE c.parent_id IS NOT NULL AND c.state NOT IN ('completed', 'failed', 'cancelled')
    AND (p.state IN ('completed', 'failed', 'cancelled') OR f.generation < p.generation
        OR (f.status IN ('failed', 'timed_out') AND f.cancel_on_failure = 1))
LIMIT :limit
