-- fan_outs_over: a bounded set of open fan-outs whose time is over, the longest first. Read only.
SELECT id FROM fan_outs WHERE status = 'open' AND timeout_at <= statement_timestamp() ORDER BY timeout_at LIMIT CAST(:limit AS int)
