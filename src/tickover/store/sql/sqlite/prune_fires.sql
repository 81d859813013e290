-- prune_fires: deletes, of a bounded set of the oldest fires, those older than :fires seconds whose job is over. Returns a row for each.
DELETE FROM fires WHERE (schedule, slot) IN (
    SELECT f.schedule, f.slot FROM fires f
    WHERE f.fired_at <= :now - CAST(1000 * :fires AS INTEGER)
        AND COALESCE((SELECT j.state FROM jobs j WHERE j.id = f.job_id), 'gone') NOT IN ('pending', 'running', 'waiting', 'paused')
    ORDER BY f.fired_at LIMIT :limit
) RETURNING 1
