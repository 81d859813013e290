-- receive_callback: the one answer; only the first is kept, and none after the expiry.
UPDATE callbacks SET payload = :payload, received_at = :now
WHERE job_id = :id AND generation = :generation AND step_key = :key AND received_at IS NULL
    AND (expires_at IS NULL OR expires_at > :now)
RETURNING job_id;
