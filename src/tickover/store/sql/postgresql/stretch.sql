-- stretch: the next bounded stretch of jobs by primary key behind :after that may be old enough to go: how many it has,
-- its last id, and how many of them are over for long enough. Read only.
WITH looked AS MATERIALIZED (
    -- A job ends after its id was minted, and an id begins with its time: what is too young is not even looked at.
    SELECT id, state, finished_at FROM jobs
    WHERE id > CAST(:after AS uuid) AND id < CAST(rpad(lpad(to_hex(CAST(floor(1000 * (
        extract(epoch FROM statement_timestamp()) - LEAST(CAST(:completed AS double precision), CAST(:failed AS double precision))
    )) AS bigint)), 12, '0'), 32, '0') AS uuid)
    ORDER BY id LIMIT CAST(:limit AS int)
)
SELECT count(*), (SELECT id FROM looked ORDER BY id DESC LIMIT 1), count(*) FILTER (
    WHERE finished_at <= statement_timestamp() - interval '1 second' *
        CASE state WHEN 'completed' THEN CAST(:completed AS double precision) ELSE CAST(:failed AS double precision) END
)
FROM looked
