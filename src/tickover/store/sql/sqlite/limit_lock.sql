-- limit_lock: writes the numbers that this code has for caps and rates. The lock is the transaction's own: on SQLite it
-- has the file's one write lock from its first statement on.
INSERT INTO caps (key, most, per_ms)
SELECT value ->> 'key', value ->> 'most', value ->> 'per_ms' FROM json_each(:limits) WHERE value ->> 'most' IS NOT NULL
ON CONFLICT (key) DO UPDATE SET most = excluded.most, per_ms = excluded.per_ms
WHERE most <> excluded.most OR per_ms IS NOT excluded.per_ms
