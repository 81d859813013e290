-- limit_lock: locks the rows of caps and rates in key order, and writes the numbers that this code has for them; queues
-- (without a number here) come after. Whoever counts, does so in a later statement: counted in the one that locks, a
-- place that was taken meanwhile is not seen, and two ticks admit one too many. A row that stays as it is, is locked too.
INSERT INTO caps AS c (key, most, per_ms)
SELECT key, most, per_ms FROM json_to_recordset(CAST(:limits AS json)) AS t (key text, most int, per_ms bigint)
WHERE most IS NOT NULL ORDER BY key
ON CONFLICT (key) DO UPDATE SET most = EXCLUDED.most, per_ms = EXCLUDED.per_ms
WHERE c.most <> EXCLUDED.most OR c.per_ms IS DISTINCT FROM EXCLUDED.per_ms;

SELECT c.key FROM caps c JOIN json_to_recordset(CAST(:limits AS json)) AS t (key text, most int) USING (key)
WHERE t.most IS NULL ORDER BY c.key FOR NO KEY UPDATE OF c
