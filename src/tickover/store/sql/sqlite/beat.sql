-- beat: renews every lease of the set that is still ours, and brings back what others asked of the job meanwhile.
UPDATE jobs SET lease_until = :now + CAST(1000 * :lease AS INTEGER)
FROM (SELECT value ->> 'id' AS id, value ->> 'epoch' AS epoch, value ->> 'claim_id' AS claim_id FROM json_each(:leases)) t
WHERE jobs.id = t.id AND jobs.state = 'running' AND jobs.epoch = t.epoch AND jobs.claim_id = t.claim_id
RETURNING jobs.id, jobs.pause_requested_at, (SELECT value FROM control WHERE key = 'ticks_paused');
