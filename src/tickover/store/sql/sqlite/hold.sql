-- hold: the jobs of a set that are still ours. The transaction's write lock keeps it so until it ends.
SELECT j.id FROM json_each(:leases) t JOIN jobs j ON j.id = t.value ->> 'id'
WHERE j.state = 'running' AND j.epoch = t.value ->> 'epoch' AND j.claim_id = t.value ->> 'claim_id';
