-- stretch: the next bounded stretch of jobs by primary key behind :after that may be old enough to go: how many it has,
-- its last id, and how many of them are over for long enough. Read only.
WITH bound (hex) AS (
    -- A job ends after its id was minted, and an id begins with its time: what is too young is not even looked at.
    SELECT printf('%012x', :now - CAST(1000 * min(:completed, :failed) AS INTEGER))
), looked AS MATERIALIZED (
    SELECT id, state, finished_at FROM jobs
    WHERE id > :after AND id < (SELECT substr(hex, 1, 8) || '-' || substr(hex, 9) FROM bound)
    ORDER BY id LIMIT :limit
)
SELECT count(*), max(id), count(*) FILTER (
    WHERE finished_at <= :now - CAST(1000 * CASE state WHEN 'completed' THEN :completed ELSE :failed END AS INTEGER)
)
FROM looked
