-- live_children: a bounded set of children that are not over, of these parents or of these fan-outs. The walk of a
-- cancel goes downward with it, one level after the other. Of parents only while they are over: one that was retried
-- meanwhile has children again, and those are not meant.
SELECT id FROM jobs
WHERE parent_id IN (SELECT value FROM json_each(:parents)) AND state NOT IN ('completed', 'failed', 'cancelled')
    AND COALESCE((SELECT p.state FROM jobs p WHERE p.id = jobs.parent_id), 'gone') NOT IN ('pending', 'running', 'waiting', 'paused')
UNION
SELECT id FROM jobs
WHERE fan_out_id IN (SELECT value FROM json_each(:fan_outs)) AND state NOT IN ('completed', 'failed', 'cancelled')
LIMIT :limit;
