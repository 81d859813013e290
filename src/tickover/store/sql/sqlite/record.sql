-- record: writes checkpoints of running jobs, for those that are still ours; renews their leases and ends their streaks
-- of crashes and stalls, since they have progressed. Insert-only: what is recorded stays, except the cursor of `each`,
-- which is replaced. Returns (job, key, taken) for every checkpoint of a job that is ours; not taken means that another
-- value stands there already, and that value counts. A job without a row is no longer ours.
-- "Already ours" is epoch, number and value: a step that was taken again in one run has another number.
UPDATE jobs SET crash_run = 0, stall_run = 0, need_ms = 0,
    lease_until = max(lease_until, :now + CAST(1000 * :lease AS INTEGER)),
    steps = max(1, steps + (
        SELECT count(*) FROM json_each(:checkpoints) a
        WHERE a.value ->> 'id' = jobs.id AND NOT EXISTS (
            SELECT 1 FROM checkpoints k WHERE k.job_id = jobs.id AND k.generation = jobs.generation AND k.step_key = a.value ->> 'key'
        )
    ) - (
        SELECT count(*) FROM json_each(:checkpoints) a JOIN checkpoints k
            ON k.job_id = jobs.id AND k.generation = jobs.generation
            AND substr(k.step_key, 1, length(a.value ->> 'drops')) = a.value ->> 'drops'
        WHERE a.value ->> 'id' = jobs.id AND a.value ->> 'drops' IS NOT NULL
    )),
    event_seq = event_seq + (
        SELECT count(*) FROM json_each(:checkpoints) a
        WHERE a.value ->> 'id' = jobs.id AND :log = 'all' AND NOT EXISTS (
            SELECT 1 FROM checkpoints k WHERE k.job_id = jobs.id AND k.generation = jobs.generation
                AND k.step_key = a.value ->> 'key' AND k.kind <> 'each'
        )
    )
FROM (SELECT value ->> 'id' AS id, value ->> 'epoch' AS epoch, value ->> 'claim_id' AS claim_id FROM json_each(:leases)) t
WHERE jobs.id = t.id AND jobs.state = 'running' AND jobs.epoch = t.epoch AND jobs.claim_id = t.claim_id
RETURNING jobs.id;

DELETE FROM checkpoints WHERE rowid IN (
    SELECT k.rowid FROM json_each(:checkpoints) a JOIN jobs j ON j.id = a.value ->> 'id'
    JOIN checkpoints k ON k.job_id = j.id AND k.generation = j.generation
        AND substr(k.step_key, 1, length(a.value ->> 'drops')) = a.value ->> 'drops'
    WHERE a.value ->> 'drops' IS NOT NULL AND j.id IN (SELECT value FROM json_each(:accepted))
);

INSERT INTO events (job_id, n, at, type, epoch, attempt, kind, queue, tick_id, data)
-- The numbers were reserved above, so the last of them is the job's.
SELECT j.id, j.event_seq + 1 - row_number() OVER (PARTITION BY j.id ORDER BY a.value ->> 'seq' DESC), :now, 'CheckpointSaved',
    j.epoch, j.failures + 1, j.kind, j.queue, j.holder, json_object('step', a.value ->> 'key')
FROM json_each(:checkpoints) a JOIN jobs j ON j.id = a.value ->> 'id'
WHERE j.id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all' AND NOT EXISTS (
    SELECT 1 FROM checkpoints k WHERE k.job_id = j.id AND k.generation = j.generation AND k.step_key = a.value ->> 'key'
        AND k.kind <> 'each'
)
ORDER BY j.id, a.value ->> 'seq';

INSERT INTO checkpoints (job_id, generation, step_key, seq, kind, value, error, args_hash, epoch, created_at, seconds, tick_id)
SELECT j.id, j.generation, a.value ->> 'key', a.value ->> 'seq', a.value ->> 'kind', a.value ->> 'value',
    a.value ->> 'error', a.value ->> 'args_hash', j.epoch, :now, a.value ->> 'seconds', j.holder
FROM json_each(:checkpoints) a JOIN jobs j ON j.id = a.value ->> 'id'
WHERE j.id IN (SELECT value FROM json_each(:accepted))
ON CONFLICT (job_id, generation, step_key)
    DO UPDATE SET value = excluded.value, epoch = excluded.epoch WHERE kind = 'each' AND excluded.kind = 'each';

SELECT j.id, a.value ->> 'key', k.epoch = j.epoch AND (k.seq = a.value ->> 'seq' OR k.kind = 'each') AND k.value IS a.value ->> 'value' AND k.error IS a.value ->> 'error'
FROM json_each(:checkpoints) a JOIN jobs j ON j.id = a.value ->> 'id'
JOIN checkpoints k ON k.job_id = j.id AND k.generation = j.generation AND k.step_key = a.value ->> 'key'
WHERE j.id IN (SELECT value FROM json_each(:accepted));
