-- purge: deletes one bounded batch of jobs that are over, with everything of theirs, by primary key. Never a child
-- whose parent may still collect it, never a parent of live children.
DELETE FROM jobs WHERE id IN (
    SELECT j.id FROM jobs j
    WHERE j.state = :state AND j.state IN ('completed', 'failed', 'cancelled')
        AND (:queue IS NULL OR j.queue = :queue) AND (:kind IS NULL OR j.kind = :kind)
        AND j.finished_at <= :now - CAST(1000 * :older AS INTEGER)
        AND NOT EXISTS (SELECT 1 FROM jobs p WHERE p.id = j.parent_id AND p.state NOT IN ('completed', 'failed', 'cancelled'))
        AND NOT EXISTS (SELECT 1 FROM jobs c WHERE c.parent_id = j.id AND c.state NOT IN ('completed', 'failed', 'cancelled'))
    ORDER BY j.id LIMIT :limit
)
RETURNING id;

DELETE FROM job_data WHERE job_id IN (SELECT value FROM json_each(:accepted));

DELETE FROM checkpoints WHERE job_id IN (SELECT value FROM json_each(:accepted));

DELETE FROM signals WHERE job_id IN (SELECT value FROM json_each(:accepted));

DELETE FROM callbacks WHERE job_id IN (SELECT value FROM json_each(:accepted));

DELETE FROM fan_outs WHERE parent_id IN (SELECT value FROM json_each(:accepted));

DELETE FROM idempotency WHERE job_id IN (SELECT value FROM json_each(:accepted));
