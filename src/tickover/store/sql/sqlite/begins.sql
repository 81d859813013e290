-- begins: a suspect, which runs alone, says which step it begins, in `wait_ref`, which no running job has any use for. If
-- the process dies in that step, this is all that is left of it. Whatever ends the run clears it.
UPDATE jobs SET wait_ref = :step
FROM (SELECT value ->> 'id' AS id, value ->> 'epoch' AS epoch, value ->> 'claim_id' AS claim_id FROM json_each(:leases)) t
WHERE jobs.id = t.id AND jobs.state = 'running' AND jobs.epoch = t.epoch AND jobs.claim_id = t.claim_id;
