-- expired: a bounded set of jobs whose lease ran out, oldest first, for the settle that follows in this transaction.
SELECT /*claimed*/, j.wait_ref FROM jobs j LEFT JOIN job_data d ON d.job_id = j.id
WHERE j.state = 'running' AND j.lease_until < :now AND j.holder IS NOT :tick
ORDER BY j.id LIMIT :limit;
