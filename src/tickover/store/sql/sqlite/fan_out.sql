-- fan_out: whether a fan-out is decided, how, and whether its time is over.
SELECT status, COALESCE(timeout_at <= :now, 0), timeout_at FROM fan_outs WHERE id = :id;
