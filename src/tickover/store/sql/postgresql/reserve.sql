-- reserve: each idempotency key of the set belongs to one job for its window: ours if it was free, expired, or held
-- by a job that failed, was cancelled or is gone; else the first one's. Returns (tenant, key, job id).
WITH input AS MATERIALIZED (
    SELECT DISTINCT ON (tenant, key) * FROM json_to_recordset(CAST(:keys AS json))
        AS t (tenant text, key text, id uuid, ttl double precision, n int) ORDER BY tenant, key, n
), taken AS (
    INSERT INTO idempotency AS i (tenant, key, job_id, expires_at)
    SELECT tenant, key, id, clock_timestamp() + ttl * interval '1 second' FROM input
    ON CONFLICT (tenant, key) DO UPDATE SET job_id = EXCLUDED.job_id, expires_at = EXCLUDED.expires_at
        WHERE i.expires_at <= clock_timestamp()
            OR NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = i.job_id AND j.state NOT IN ('failed', 'cancelled'))
    RETURNING i.tenant, i.key, i.job_id
)
SELECT tenant, key, job_id FROM taken
UNION ALL
SELECT i.tenant, i.key, i.job_id FROM idempotency i JOIN input USING (tenant, key)
WHERE NOT EXISTS (SELECT 1 FROM taken t WHERE t.tenant = i.tenant AND t.key = i.key)
