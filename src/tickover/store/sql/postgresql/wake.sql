-- wake: what these jobs wait for is there: they may run again, and first, since old work finishes first. A paused one
-- stays paused and comes from `pending` from now on. A job that waits for something else is left alone. The rows were
-- locked by `lock_jobs` in an earlier statement of this transaction.
WITH input AS MATERIALIZED (
    SELECT * FROM json_to_recordset(CAST(:waits AS json)) AS t (id uuid, kind text, ref text)
), woken AS (
    UPDATE jobs j SET state = CASE WHEN j.state = 'waiting' THEN 'pending' ELSE j.state END,
        paused_from = CASE WHEN j.state = 'paused' THEN 'pending' END,
        run_at = j.created_at, wait_kind = NULL, wait_ref = NULL,
        event_seq = j.event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    FROM input t
    WHERE j.id = t.id AND j.wait_kind = t.kind AND j.wait_ref = t.ref
        AND (j.state = 'waiting' OR (j.state = 'paused' AND j.paused_from = 'waiting'))
    RETURNING j.id, j.state, j.event_seq, j.kind, j.queue, t.kind || ' ' || t.ref AS reason
), logged AS (
    INSERT INTO events (job_id, n, at, type, kind, queue, data)
    SELECT id, event_seq, clock_timestamp(), 'JobResumed', kind, queue, CAST(json_build_object('reason', reason) AS text)
    FROM woken WHERE CAST(:log AS text) = 'all'
)
SELECT id, state FROM woken
