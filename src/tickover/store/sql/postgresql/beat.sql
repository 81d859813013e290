-- beat: renews every lease of the set that is still ours, and brings back what others asked of the job meanwhile.
-- Rows that do not come back are lost. No index holds lease_until, so these updates stay HOT.
WITH input AS MATERIALIZED (
    SELECT * FROM json_to_recordset(CAST(:leases AS json)) AS t (id uuid, epoch bigint, claim_id uuid)
), locked AS MATERIALIZED (
    SELECT j.id FROM jobs j JOIN input t USING (id)
    WHERE j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
    ORDER BY j.id FOR NO KEY UPDATE OF j
)
UPDATE jobs j SET lease_until = clock_timestamp() + CAST(:lease AS double precision) * interval '1 second'
FROM locked l JOIN input t USING (id)
WHERE j.id = l.id AND j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
RETURNING j.id, j.pause_requested_at, (SELECT value FROM control WHERE key = 'ticks_paused')
