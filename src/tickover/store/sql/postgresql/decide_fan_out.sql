-- decide_fan_out: a fan-out gets its one verdict; whoever comes later finds it decided. Its row is locked already, or
-- is locked here, and returns only when this call decided it.
UPDATE fan_outs SET status = :status, decided_at = clock_timestamp()
WHERE id = CAST(:id AS uuid) AND status = 'open'
RETURNING id, parent_id, cancel_on_failure
