-- prune_generations: deletes a bounded set of checkpoints that a fresh retry left behind. Returns a row for each.
DELETE FROM checkpoints WHERE (job_id, generation, step_key) IN (
    SELECT c.job_id, c.generation, c.step_key FROM jobs j JOIN checkpoints c ON c.job_id = j.id AND c.generation < j.generation
    WHERE j.generation > 0 LIMIT CAST(:limit AS int) FOR UPDATE OF c SKIP LOCKED
) RETURNING 1
