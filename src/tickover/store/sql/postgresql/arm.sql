-- arm: notes between which instants an alarm rings, unless the row has one that is still to come and rings no later.
-- Sent after the alarm exists, never before: a row that says "armed" is believed, and an alarm too many costs an empty tick.
INSERT INTO control AS c (key, value, updated_at)
VALUES (:key, CAST(json_build_array(CAST(:first AS bigint), CAST(:last AS bigint)) AS text), clock_timestamp())
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, updated_at = EXCLUDED.updated_at
WHERE CAST(CAST(c.value AS json) ->> 1 AS bigint) > CAST(:last AS bigint)
    OR CAST(CAST(c.value AS json) ->> 0 AS bigint) <= extract(epoch FROM clock_timestamp()) * 1000
