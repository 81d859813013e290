-- chain: how many successors a tick that stops may ask for, taken from the fleet's allowance at once; none: no row.
-- As many as the backlog needs at what one tick settles, at most :most in all, less the ticks that live (a row whose
-- deadline is ahead). A successor has no row until it claims; so that many ticks that stop together do not all ask for
-- the same ones, those that were asked for within :window seconds and have not begun count as well.
-- The row is [asked in this window, granted now], since the window began.
WITH backlog AS (
    SELECT count(*) AS jobs FROM (
        SELECT 1 FROM jobs
        WHERE state = 'pending' AND run_at <= statement_timestamp()
            AND (CAST(:queues AS json) IS NULL OR queue IN (SELECT json_array_elements_text(CAST(:queues AS json))))
            AND queue NOT IN (SELECT name FROM queues WHERE paused_at IS NOT NULL)
        LIMIT CAST(:most AS bigint) * CAST(:settles AS bigint)
    ) ready
), alive AS (
    SELECT count(*) AS ticks FROM ticks
    WHERE started_at > statement_timestamp() - interval '1 day' AND ended_at IS NULL
        AND deadline_at > statement_timestamp() AND id <> CAST(:tick AS uuid)
), wanted AS (
    SELECT LEAST(CAST(:most AS bigint), (jobs + CAST(:settles AS bigint) - 1) / CAST(:settles AS bigint)) - ticks AS n
    FROM backlog, alive
), granted AS (
    INSERT INTO control AS c (key, value, updated_at)
    SELECT :key, CAST(json_build_array(n, n) AS text), clock_timestamp() FROM wanted WHERE n > 0
    ON CONFLICT (key) DO UPDATE SET (value, updated_at) = (
        SELECT CASE WHEN over THEN EXCLUDED.value ELSE CAST(json_build_array(asked + may, may) AS text) END,
            CASE WHEN over THEN EXCLUDED.updated_at ELSE c.updated_at END
        FROM (
            SELECT over, asked, LEAST(
                CAST(CAST(EXCLUDED.value AS json) ->> 0 AS bigint),
                GREATEST(0, CAST(:most AS bigint) - GREATEST(0, asked - begun))
            ) AS may
            FROM (
                SELECT c.updated_at <= clock_timestamp() - CAST(:window AS double precision) * interval '1 second' AS over,
                    CAST(CAST(c.value AS json) ->> 0 AS bigint) AS asked,
                    (SELECT count(*) FROM ticks WHERE trigger = 'chain' AND started_at >= c.updated_at) AS begun
            ) known
        ) allowed
    )
    RETURNING c.value
)
SELECT CAST(CAST(value AS json) ->> 1 AS int) FROM granted
