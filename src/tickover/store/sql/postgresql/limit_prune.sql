-- limit_prune: removes windows that ended more than an hour ago, and places of jobs that are over or gone.
WITH old AS (
    DELETE FROM rate_windows w USING caps c
    WHERE c.key = w.key AND (w.number + 1) * c.per_ms < extract(epoch FROM statement_timestamp()) * 1000 - 3600000
)
DELETE FROM cap_slots s
WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = s.job_id AND j.state NOT IN ('completed', 'failed', 'cancelled'))
