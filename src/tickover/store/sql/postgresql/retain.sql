-- retain: of a stretch by primary key, deletes with everything of theirs the jobs that are over for long enough. Never a
-- child whose parent may still collect it, now or after a retry, never a parent of live children. State and age are asked again under the
-- lock: an operator's retry may have won. Returns their ids.
WITH doomed AS MATERIALIZED (
    SELECT j.id FROM jobs j
    WHERE j.id > CAST(:after AS uuid) AND j.id <= CAST(:last AS uuid) AND j.state IN ('completed', 'failed', 'cancelled')
        AND j.finished_at <= statement_timestamp() - interval '1 second' *
            CASE j.state WHEN 'completed' THEN CAST(:completed AS double precision) ELSE CAST(:failed AS double precision) END
        -- Scalars, so that each is a look-up per row: as joins they were planned as scans of the whole history per batch.
        AND COALESCE((SELECT p.state FROM jobs p WHERE p.id = j.parent_id), 'gone') IN ('completed', 'gone')
        AND (SELECT c.id FROM jobs c WHERE c.parent_id = j.id AND c.state NOT IN ('completed', 'failed', 'cancelled') LIMIT 1) IS NULL
    ORDER BY j.id
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
