-- arm: notes between which instants an alarm rings, unless the row has one that is still to come and rings no later.
-- Sent after the alarm exists, never before: a row that says "armed" is believed, and an alarm too many costs an empty tick.
INSERT INTO control (key, value, updated_at) VALUES (:key, json_array(:first, :last), :now)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
WHERE json_extract(control.value, '$[1]') > :last OR json_extract(control.value, '$[0]') <= :now;
