-- chain: how many successors a tick that stops may ask for, taken from the fleet's allowance at once; none: no row.
-- As many as the backlog needs at what one tick settles, at most :most in all, less the ticks that live (a row whose
-- deadline is ahead). A successor has no row until it claims; so that many ticks that stop together do not all ask for
-- the same ones, those that were asked for within :window seconds and have not begun count as well.
-- The row is [asked in this window, granted now], since the window began.
WITH backlog AS (
    SELECT count(*) AS jobs FROM (
        SELECT 1 FROM jobs
        WHERE state = 'pending' AND run_at <= :now
            AND (:queues IS NULL OR queue IN (SELECT value FROM json_each(:queues)))
            AND queue NOT IN (SELECT name FROM queues WHERE paused_at IS NOT NULL)
        LIMIT :most * :settles
    )
), alive AS (
    SELECT count(*) AS ticks FROM ticks
    WHERE started_at > :now - 86400000 AND ended_at IS NULL AND deadline_at > :now AND id <> :tick
), wanted AS (
    SELECT min(:most, (jobs + :settles - 1) / :settles) - ticks AS n FROM backlog, alive
)
INSERT INTO control (key, value, updated_at) SELECT :key, json_array(n, n), :now FROM wanted WHERE n > 0
ON CONFLICT (key) DO UPDATE SET (value, updated_at) = (
    SELECT CASE WHEN over THEN excluded.value ELSE json_array(asked + may, may) END,
        CASE WHEN over THEN excluded.updated_at ELSE control.updated_at END
    FROM (
        SELECT over, asked, min(json_extract(excluded.value, '$[0]'), max(0, :most - max(0, asked - begun))) AS may
        FROM (
            SELECT control.updated_at <= :now - CAST(:window * 1000 AS INTEGER) AS over,
                json_extract(control.value, '$[0]') AS asked,
                (SELECT count(*) FROM ticks WHERE "trigger" = 'chain' AND started_at >= control.updated_at) AS begun
        )
    )
)
RETURNING json_extract(value, '$[1]');
