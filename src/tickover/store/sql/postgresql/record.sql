-- record: writes checkpoints of running jobs, for those that are still ours; renews their leases and ends their streaks
-- of crashes and stalls, since they have progressed. Insert-only: what is recorded stays, except the cursor of `each`,
-- which is replaced. Returns (job, key, taken) for every checkpoint of a job that is ours; not taken means that another
-- value stands there already, and that value counts. A job without a row is no longer ours.
-- "Already ours" is epoch, number and value: a step that was taken again in one run has another number, so that a
-- transaction whose first COMMIT came late never commits its effect a second time.
WITH input AS MATERIALIZED (
    SELECT * FROM json_to_recordset(CAST(:leases AS json)) AS t (id uuid, epoch bigint, claim_id uuid)
), asked AS MATERIALIZED (
    SELECT * FROM json_to_recordset(CAST(:checkpoints AS json)) AS c (
        id uuid, seq int, key text, kind text, value text, error text, args_hash text, seconds double precision, drops text
    )
), locked AS MATERIALIZED (
    SELECT j.id, j.generation, j.epoch, j.steps, j.holder, j.kind, j.queue, j.event_seq, j.failures
    FROM jobs j JOIN input t USING (id)
    WHERE j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
    ORDER BY j.id FOR NO KEY UPDATE OF j
), known AS MATERIALIZED (
    SELECT k.job_id, k.step_key, k.epoch, k.seq, k.value, k.error
    FROM locked l JOIN asked a USING (id)
    JOIN checkpoints k ON k.job_id = l.id AND k.generation = l.generation AND k.step_key = a.key
), dropped AS (
    DELETE FROM checkpoints k USING locked l JOIN asked a USING (id)
    WHERE a.drops IS NOT NULL AND k.job_id = l.id AND k.generation = l.generation AND starts_with(k.step_key, a.drops)
    RETURNING k.job_id
), saved AS (
    INSERT INTO checkpoints AS k (
        job_id, generation, step_key, seq, kind, value, error, args_hash, epoch, created_at, seconds, tick_id
    )
    SELECT l.id, l.generation, a.key, a.seq, a.kind, a.value,
        a.error, a.args_hash, l.epoch, clock_timestamp(), a.seconds, l.holder
    FROM locked l JOIN asked a USING (id)
    ON CONFLICT (job_id, generation, step_key)
        DO UPDATE SET value = EXCLUDED.value, epoch = EXCLUDED.epoch WHERE k.kind = 'each' AND EXCLUDED.kind = 'each'
    RETURNING job_id, step_key, seq, xmax = 0 AS fresh
), changed AS (
    SELECT l.id, count(s.job_id) FILTER (WHERE s.fresh) AS added, count(s.job_id) AS written,
        (SELECT count(*) FROM dropped d WHERE d.job_id = l.id) AS removed
    FROM locked l LEFT JOIN saved s ON s.job_id = l.id GROUP BY l.id
), held AS (
    UPDATE jobs j SET steps = GREATEST(1, j.steps + c.added - c.removed), crash_run = 0, stall_run = 0, need_ms = 0,
        lease_until = GREATEST(j.lease_until, clock_timestamp() + CAST(:lease AS double precision) * interval '1 second'),
        event_seq = j.event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN c.written ELSE 0 END
    FROM changed c JOIN input t USING (id)
    WHERE j.id = c.id AND j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
    RETURNING j.id
), logged AS (
    INSERT INTO events (job_id, n, at, type, epoch, attempt, kind, queue, tick_id, data)
    SELECT l.id, l.event_seq + row_number() OVER (PARTITION BY l.id ORDER BY s.seq), clock_timestamp(),
        'CheckpointSaved', l.epoch, l.failures + 1, l.kind, l.queue, l.holder,
        CAST(json_build_object('step', s.step_key) AS text)
    FROM locked l JOIN saved s ON s.job_id = l.id WHERE CAST(:log AS text) = 'all'
)
SELECT h.id, a.key, s.job_id IS NOT NULL
    OR (k.epoch = l.epoch AND k.seq = a.seq AND k.value IS NOT DISTINCT FROM a.value AND k.error IS NOT DISTINCT FROM a.error)
FROM held h JOIN locked l USING (id) JOIN asked a USING (id)
LEFT JOIN saved s ON s.job_id = h.id AND s.step_key = a.key
LEFT JOIN known k ON k.job_id = h.id AND k.step_key = a.key
