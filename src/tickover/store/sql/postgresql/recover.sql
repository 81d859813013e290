-- recover: what a tick must look at before its first claim. Read only, so that an idle tick writes nothing.
-- Expired leases other than our own (a thawed tick must not reap itself), waiters whose time has come, and the schema
-- this database has.
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM jobs
        WHERE state = 'running' AND lease_until < statement_timestamp() AND holder IS DISTINCT FROM CAST(:tick AS uuid)
        LIMIT CAST(:limit AS int)
    ) expired),
    (SELECT count(*) FROM (
        SELECT 1 FROM jobs WHERE state = 'waiting' AND run_at <= statement_timestamp() LIMIT CAST(:limit AS int)
    ) due),
    (SELECT version_num FROM tickover_version)
