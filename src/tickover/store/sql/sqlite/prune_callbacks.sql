-- prune_callbacks: deletes a bounded set of callbacks that have expired and whose jobs are over. Returns a row for each.
DELETE FROM callbacks WHERE (job_id, generation, step_key) IN (
    SELECT c.job_id, c.generation, c.step_key FROM callbacks c LEFT JOIN jobs j ON j.id = c.job_id
    WHERE c.expires_at <= :now AND COALESCE(j.state, 'failed') IN ('completed', 'failed', 'cancelled')
    ORDER BY c.expires_at LIMIT :limit
) RETURNING 1
