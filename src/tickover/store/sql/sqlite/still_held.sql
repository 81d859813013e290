-- still_held: the jobs of a set that are still ours: a look before user code runs, no promise.
SELECT j.id FROM json_each(:leases) t JOIN jobs j ON j.id = t.value ->> 'id'
WHERE j.state = 'running' AND j.epoch = t.value ->> 'epoch' AND j.claim_id = t.value ->> 'claim_id';
