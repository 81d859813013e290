-- limit_queue: a queue has this cap over the whole fleet from now on, or none (NULL).
WITH gone AS (
    DELETE FROM caps WHERE key = :key AND CAST(:most AS int) IS NULL
)
INSERT INTO caps (key, most) SELECT :key, CAST(:most AS int) WHERE CAST(:most AS int) IS NOT NULL
ON CONFLICT (key) DO UPDATE SET most = EXCLUDED.most
