-- recover: what a tick must look at before its first claim. An idle tick writes nothing: no mark, no row touched.
-- Expired leases other than our own (a thawed tick must not reap itself), waiters whose time has come, and the schema
-- this database has. The nudge marks of the queues that the tick serves are cleared, and that is committed before its claim is sent: in one statement
-- with the claim, an enqueue was neither claimed nor allowed to wake (tests/model/nudge.py).
WITH marked AS MATERIALIZED (
    SELECT name FROM queues
    WHERE nudged_at IS NOT NULL AND (CAST(:serves AS json) IS NULL OR name IN (SELECT json_array_elements_text(CAST(:serves AS json))))
    ORDER BY name FOR NO KEY UPDATE -- in one order, so that two ticks wait for each other once and not crosswise
), cleared AS (
    UPDATE queues SET nudged_at = NULL WHERE name IN (SELECT name FROM marked)
)
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM jobs
        WHERE state = 'running' AND lease_until < statement_timestamp() AND holder IS DISTINCT FROM CAST(:tick AS uuid)
        LIMIT CAST(:limit AS int)
    ) expired),
    (SELECT count(*) FROM (
        SELECT 1 FROM jobs WHERE state = 'waiting' AND run_at <= statement_timestamp() LIMIT CAST(:limit AS int)
    ) due),
    (SELECT version_num FROM tickover_version),
    false
