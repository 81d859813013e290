-- recover: what a tick must look at before its first claim. Read only, so that an idle tick takes no write lock.
-- Expired leases other than our own (a thawed tick must not reap itself), waiters whose time has come, the schema this database has, and whether
-- nudge marks of the queues that the tick serves are to be cleared (`unmark`, before its claim).
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < :now AND holder IS NOT :tick LIMIT :limit
    )),
    (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'waiting' AND run_at <= :now LIMIT :limit)),
    (SELECT version_num FROM tickover_version),
    EXISTS (
        SELECT 1 FROM queues
        WHERE nudged_at IS NOT NULL AND (:serves IS NULL OR name IN (SELECT value FROM json_each(:serves)))
    );
