-- callback: what is known of a place for an answer: whether it expired, what came and when, and the type it must have.
SELECT received_at IS NOT NULL, payload, COALESCE(expires_at <= :now, 0), returns
FROM callbacks WHERE job_id = :id AND generation = :generation AND step_key = :key;
