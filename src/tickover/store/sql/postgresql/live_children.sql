-- live_children: a bounded set of children that are not over, of these parents or of these fan-outs. The walk of a
-- cancel goes downward with it, one level after the other. Of parents only while they are over: one that was retried
-- meanwhile has children again, and those are not meant.
SELECT j.id FROM jobs j
WHERE j.parent_id IN (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(:parents AS json)))
    AND j.state NOT IN ('completed', 'failed', 'cancelled')
    AND COALESCE((SELECT p.state FROM jobs p WHERE p.id = j.parent_id), 'gone') NOT IN ('pending', 'running', 'waiting', 'paused')
UNION
SELECT j.id FROM jobs j
WHERE j.fan_out_id IN (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(:fan_outs AS json)))
    AND j.state NOT IN ('completed', 'failed', 'cancelled')
LIMIT CAST(:limit AS int)
