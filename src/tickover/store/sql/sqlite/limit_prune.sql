-- limit_prune: removes windows that ended more than an hour ago, and places of jobs that are over or gone.
DELETE FROM rate_windows WHERE EXISTS (
    SELECT 1 FROM caps c WHERE c.key = rate_windows.key AND (rate_windows.number + 1) * c.per_ms < :now - 3600000);

DELETE FROM cap_slots
WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = cap_slots.job_id AND j.state NOT IN ('completed', 'failed', 'cancelled'))
