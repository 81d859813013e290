-- purge: deletes one bounded batch of jobs that are over, with everything of theirs, by primary key. Never a child
-- whose parent may still collect it, never a parent of live children. State and age are asked again under the lock: a retry may have won.
WITH doomed AS MATERIALIZED (
    SELECT j.id FROM jobs j
    WHERE j.state = :state AND j.state IN ('completed', 'failed', 'cancelled')
        AND (CAST(:queue AS text) IS NULL OR j.queue = CAST(:queue AS text))
        AND (CAST(:kind AS text) IS NULL OR j.kind = CAST(:kind AS text))
        AND j.finished_at <= statement_timestamp() - CAST(:older AS double precision) * interval '1 second'
        -- A scalar, so that it is a look-up per row: NOT EXISTS was planned as a scan of the whole history per batch.
        -- And NOT IN, which the planner takes to be true mostly: with IN it expects few rows, and reads them all first.
        AND COALESCE((SELECT p.state FROM jobs p WHERE p.id = j.parent_id), 'gone') NOT IN ('pending', 'running', 'waiting', 'paused')
        AND (SELECT c.id FROM jobs c WHERE c.parent_id = j.id AND c.state NOT IN ('completed', 'failed', 'cancelled') LIMIT 1) IS NULL
    ORDER BY j.id LIMIT CAST(:limit AS int)
    FOR UPDATE OF j SKIP LOCKED
), payloads AS (
    DELETE FROM job_data WHERE job_id = ANY (ARRAY(SELECT id FROM doomed))
), recorded AS (
    DELETE FROM checkpoints WHERE job_id = ANY (ARRAY(SELECT id FROM doomed))
), sent AS (
    DELETE FROM signals WHERE job_id = ANY (ARRAY(SELECT id FROM doomed))
), answered AS (
    DELETE FROM callbacks WHERE job_id = ANY (ARRAY(SELECT id FROM doomed))
), fanned AS (
    DELETE FROM fan_outs WHERE parent_id = ANY (ARRAY(SELECT id FROM doomed))
), windows AS (
    DELETE FROM idempotency WHERE job_id = ANY (ARRAY(SELECT id FROM doomed))
)
DELETE FROM jobs WHERE id = ANY (ARRAY(SELECT id FROM doomed)) RETURNING id
