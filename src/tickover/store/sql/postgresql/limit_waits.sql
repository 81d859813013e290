-- limit_waits: caps that somebody waits for, and one row without a key when windows, places or keys are left over from
-- what ended. The reaper looks whether there is room: a place that was kept for a job which was not claimed in time goes to the
-- next one.
(SELECT DISTINCT substr(wait_ref, 5) FROM jobs WHERE state = 'waiting' AND wait_kind = 'cap' LIMIT CAST(:limit AS int))
UNION ALL
SELECT NULL WHERE EXISTS (
    SELECT 1 FROM rate_windows w JOIN caps c USING (key)
    WHERE (w.number + 1) * c.per_ms < extract(epoch FROM statement_timestamp()) * 1000 - 3600000
) OR EXISTS (
    SELECT 1 FROM cap_slots s
    WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = s.job_id AND j.state NOT IN ('completed', 'failed', 'cancelled'))
) OR EXISTS (
    SELECT 1 FROM caps c WHERE (c.per_ms IS NOT NULL OR (strpos(c.key, ':') > 0 AND NOT starts_with(c.key, 'queue:')))
        AND NOT EXISTS (SELECT 1 FROM cap_slots s WHERE s.key = c.key)
        AND NOT EXISTS (SELECT 1 FROM rate_windows w WHERE w.key = c.key)
        AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.state = 'waiting' AND j.wait_kind = 'cap' AND j.wait_ref = 'cap:' || c.key)
)
