-- recover: what a tick must look at before its first claim. Read only, so that an idle tick takes no write lock.
-- Expired leases other than our own (a thawed tick must not reap itself), waiters whose time has come, and the schema
-- this database has.
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < :now AND holder IS NOT :tick LIMIT :limit
    )),
    (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'waiting' AND run_at <= :now LIMIT :limit)),
    (SELECT version_num FROM tickover_version);
