-- progress: what running jobs say about how far they are; kept only while the fence holds.
WITH input AS MATERIALIZED (
    SELECT * FROM json_to_recordset(CAST(:reports AS json)) AS t (id uuid, epoch bigint, claim_id uuid, data text)
), ours AS (
    UPDATE jobs j SET event_seq = j.event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    FROM input t JOIN (
        SELECT j.id FROM jobs j JOIN input t USING (id)
        WHERE j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id ORDER BY j.id FOR NO KEY UPDATE OF j
    ) l USING (id)
    WHERE j.id = t.id AND j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
    RETURNING j.id, j.event_seq, j.epoch, j.kind, j.queue, j.holder, j.failures + 1 AS attempt, t.data
), stored AS (
    UPDATE job_data d SET progress = o.data FROM ours o WHERE d.job_id = o.id
), logged AS (
    INSERT INTO events (job_id, n, at, type, epoch, attempt, kind, queue, tick_id, data)
    SELECT id, event_seq, clock_timestamp(), 'Progress', epoch, attempt, kind, queue, holder, '{"data":' || data || '}'
    FROM ours WHERE CAST(:log AS text) = 'all'
)
SELECT id FROM ours
