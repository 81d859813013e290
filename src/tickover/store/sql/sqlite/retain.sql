-- retain: of a stretch by primary key, deletes with everything of theirs the jobs that are over for long enough. Never a
-- child whose parent may still collect it, now or after a retry, never a parent of live children. Returns their ids.
DELETE FROM jobs WHERE id IN (
    SELECT j.id FROM jobs j
    WHERE j.id > :after AND j.id <= :last AND j.state IN ('completed', 'failed', 'cancelled')
        AND j.finished_at <= :now - CAST(1000 * CASE j.state WHEN 'completed' THEN :completed ELSE :failed END AS INTEGER)
        AND NOT EXISTS (SELECT 1 FROM jobs p WHERE p.id = j.parent_id AND p.state <> 'completed')
        AND NOT EXISTS (SELECT 1 FROM jobs c WHERE c.parent_id = j.id AND c.state NOT IN ('completed', 'failed', 'cancelled'))
)
RETURNING id;

DELETE FROM job_data WHERE job_id IN (SELECT value FROM json_each(:accepted));

DELETE FROM checkpoints WHERE job_id IN (SELECT value FROM json_each(:accepted));

DELETE FROM signals WHERE job_id IN (SELECT value FROM json_each(:accepted));

DELETE FROM callbacks WHERE job_id IN (SELECT value FROM json_each(:accepted));

DELETE FROM fan_outs WHERE parent_id IN (SELECT value FROM json_each(:accepted));

DELETE FROM idempotency WHERE job_id IN (SELECT value FROM json_each(:accepted));
