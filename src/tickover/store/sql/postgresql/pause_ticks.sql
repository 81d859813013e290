-- pause_ticks: no tick of the fleet claims; with `aggressive` running jobs also stop at their next boundary.
-- A graceful pause may be sharpened. No row: the fleet is paused like this already.
WITH paused AS (
    INSERT INTO control AS c (key, value, updated_at) VALUES ('ticks_paused', :mode, clock_timestamp())
    ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, updated_at = EXCLUDED.updated_at WHERE c.value <> EXCLUDED.value
    RETURNING c.value
), logged AS (
    INSERT INTO events (at, type, data)
    SELECT clock_timestamp(), 'TicksPaused', CAST(json_build_object('reason', value) AS text) FROM paused WHERE CAST(:log AS text) = 'all'
)
SELECT value FROM paused
