-- expired: locks a bounded set of jobs whose lease ran out, oldest first, for the settle that follows in this
-- transaction. SKIP LOCKED: a frozen transaction must not stop the reaper; another reaper has the rest.
SELECT /*claimed*/, j.wait_ref FROM jobs j LEFT JOIN job_data d ON d.job_id = j.id
WHERE j.state = 'running' AND j.lease_until < statement_timestamp() AND j.holder IS DISTINCT FROM CAST(:tick AS uuid)
ORDER BY j.id LIMIT CAST(:limit AS int)
FOR NO KEY UPDATE OF j SKIP LOCKED
