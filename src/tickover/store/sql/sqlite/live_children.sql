-- live_children: a bounded set of children that are not over, of these parents or of these fan-outs. The walk of a
-- cancel goes downward with it, one level after the other.
SELECT id FROM jobs
WHERE parent_id IN (SELECT value FROM json_each(:parents)) AND state NOT IN ('completed', 'failed', 'cancelled')
UNION
SELECT id FROM jobs
WHERE fan_out_id IN (SELECT value FROM json_each(:fan_outs)) AND state NOT IN ('completed', 'failed', 'cancelled')
LIMIT :limit;
