-- reserve: each idempotency key of the set belongs to one job for its window: ours if it was free, expired, or held
-- by a job that failed, was cancelled or is gone; else the first one's. Returns (tenant, key, job id).
DELETE FROM idempotency
WHERE (tenant, key) IN (SELECT value ->> 'tenant', value ->> 'key' FROM json_each(:keys))
    AND (expires_at <= :now OR NOT EXISTS (
        SELECT 1 FROM jobs j WHERE j.id = idempotency.job_id AND j.state NOT IN ('failed', 'cancelled')
    ));

INSERT INTO idempotency (tenant, key, job_id, expires_at)
SELECT value ->> 'tenant', value ->> 'key', value ->> 'id', :now + CAST(1000 * (value ->> 'ttl') AS INTEGER)
FROM json_each(:keys) WHERE true ORDER BY value ->> 'n'
ON CONFLICT (tenant, key) DO NOTHING;

SELECT tenant, key, job_id FROM idempotency
WHERE (tenant, key) IN (SELECT value ->> 'tenant', value ->> 'key' FROM json_each(:keys));
