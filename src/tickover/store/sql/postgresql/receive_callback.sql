-- receive_callback: the one answer; only the first is kept, and none after the expiry. The job's row is locked.
UPDATE callbacks SET payload = :payload, received_at = clock_timestamp()
WHERE job_id = CAST(:id AS uuid) AND generation = CAST(:generation AS int) AND step_key = :key
    AND received_at IS NULL AND (expires_at IS NULL OR expires_at > statement_timestamp())
RETURNING job_id
