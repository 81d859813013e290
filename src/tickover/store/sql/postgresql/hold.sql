-- hold: locks the jobs of a set that are still ours, in id order, until the open transaction ends. What follows in it
-- (a look, a consumed signal, a fan-out) is done by the holder or not at all. One order for every
-- set, so two of them cannot deadlock.
SELECT j.id FROM jobs j JOIN json_to_recordset(CAST(:leases AS json)) AS t (id uuid, epoch bigint, claim_id uuid) USING (id)
WHERE j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
ORDER BY j.id FOR NO KEY UPDATE OF j
