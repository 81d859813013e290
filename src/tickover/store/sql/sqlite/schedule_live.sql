-- schedule_live: how many jobs of a schedule's latest fires are not over, and how many of them never started.
SELECT count(*), count(*) FILTER (WHERE j.starts = 0)
FROM (SELECT job_id FROM fires WHERE schedule = :name AND job_id IS NOT NULL ORDER BY slot DESC LIMIT 10) f
JOIN jobs j ON j.id = f.job_id
WHERE j.state NOT IN ('completed', 'failed', 'cancelled')
