-- open_callback: a place for one answer from outside. An existing one stays as it is: a replay gets the same.
INSERT INTO callbacks (job_id, generation, step_key, key_id, returns, created_at, expires_at)
VALUES (:id, :generation, :key, :key_id, :returns, :now, :expires_ms)
ON CONFLICT (job_id, generation, step_key) DO NOTHING
RETURNING job_id;
