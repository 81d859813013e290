-- reserve: each idempotency key of the set belongs to one job for its window: ours if it was free, expired, or held
-- by a job that failed, was cancelled or is gone; else the first one's. Returns (tenant, key, job id).
-- Two statements: the first waits for whoever writes the same key now; only a later one sees what they wrote.
INSERT INTO idempotency (tenant, key, job_id, expires_at)
SELECT DISTINCT ON (tenant, key) tenant, key, id, clock_timestamp() + ttl * interval '1 second'
FROM json_to_recordset(CAST(:keys AS json)) AS t (tenant text, key text, id uuid, ttl double precision, n int)
ORDER BY tenant, key, n  -- one order for all, so that two sets cannot wait for each other
ON CONFLICT (tenant, key) DO UPDATE SET key = EXCLUDED.key
RETURNING key;

WITH input AS MATERIALIZED (
    SELECT DISTINCT ON (tenant, key) * FROM json_to_recordset(CAST(:keys AS json))
        AS t (tenant text, key text, id uuid, ttl double precision, n int) ORDER BY tenant, key, n
), taken AS (
    UPDATE idempotency i SET job_id = t.id, expires_at = clock_timestamp() + t.ttl * interval '1 second'
    FROM input t
    WHERE i.tenant = t.tenant AND i.key = t.key AND (i.expires_at <= clock_timestamp()
        OR NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = i.job_id AND j.state NOT IN ('failed', 'cancelled')))
    RETURNING i.tenant, i.key, i.job_id
)
SELECT tenant, key, job_id FROM taken
UNION ALL
SELECT i.tenant, i.key, i.job_id FROM idempotency i JOIN input USING (tenant, key)
WHERE NOT EXISTS (SELECT 1 FROM taken t WHERE t.tenant = i.tenant AND t.key = i.key)
