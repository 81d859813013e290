-- fan_out: whether a fan-out is decided, how, and whether its time is over.
SELECT status, COALESCE(timeout_at <= statement_timestamp(), false), timeout_at
FROM fan_outs WHERE id = CAST(:id AS uuid)
