-- waiting_parents: a bounded set of (parent, fan-out) where the parent waits though the verdict is there. Read only.
SELECT j.id, f.id FROM jobs j JOIN fan_outs f ON f.parent_id = j.id AND f.status <> 'open' AND CAST(f.id AS text) = j.wait_ref
WHERE j.wait_kind = 'fan_out' AND (j.state = 'waiting' OR (j.state = 'paused' AND j.paused_from = 'waiting'))
LIMIT CAST(:limit AS int)
