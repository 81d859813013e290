-- purge: deletes one bounded batch of jobs that are over, with everything of theirs, by primary key. Never a child
-- whose parent may still collect it. State and age are asked again under the lock: a retry may have won.
WITH doomed AS MATERIALIZED (
    SELECT j.id FROM jobs j
    WHERE j.state = :state AND j.state IN ('completed', 'failed', 'cancelled')
        AND (CAST(:queue AS text) IS NULL OR j.queue = CAST(:queue AS text))
        AND (CAST(:kind AS text) IS NULL OR j.kind = CAST(:kind AS text))
        AND j.finished_at <= statement_timestamp() - CAST(:older AS double precision) * interval '1 second'
        AND NOT EXISTS (SELECT 1 FROM jobs p WHERE p.id = j.parent_id AND p.state NOT IN ('completed', 'failed', 'cancelled'))
    ORDER BY j.id LIMIT CAST(:limit AS int)
    FOR UPDATE OF j SKIP LOCKED
), payloads AS (
    DELETE FROM job_data WHERE job_id IN (SELECT id FROM doomed)
), recorded AS (
    DELETE FROM checkpoints WHERE job_id IN (SELECT id FROM doomed)
), windows AS (
    DELETE FROM idempotency WHERE job_id IN (SELECT id FROM doomed)
)
DELETE FROM jobs WHERE id IN (SELECT id FROM doomed) RETURNING id
