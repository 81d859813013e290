-- callback: what is known of a place for an answer: whether it expired, what came and when, and the type it must have.
SELECT received_at IS NOT NULL, payload, COALESCE(expires_at <= statement_timestamp(), false), returns
FROM callbacks WHERE job_id = CAST(:id AS uuid) AND generation = CAST(:generation AS int) AND step_key = :key
