-- begins: a suspect, which runs alone, says which step it begins, in `wait_ref`, which no running job has any use for. If
-- the process dies in that step, this is all that is left of it. Whatever ends the run clears it.
UPDATE jobs j SET wait_ref = :step
FROM json_to_recordset(CAST(:leases AS json)) AS t (id uuid, epoch bigint, claim_id uuid)
WHERE j.id = t.id AND j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
