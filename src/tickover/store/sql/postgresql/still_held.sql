-- still_held: the jobs of a set that are still ours, without locking them: a look before user code runs, no promise.
SELECT j.id FROM jobs j JOIN json_to_recordset(CAST(:leases AS json)) AS t (id uuid, epoch bigint, claim_id uuid) USING (id)
WHERE j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
