-- decide_fan_out: a fan-out gets its one verdict; whoever comes later finds it decided.
UPDATE fan_outs SET status = :status, decided_at = :now WHERE id = :id AND status = 'open'
RETURNING id, parent_id, cancel_on_failure;
