-- limit_queue: a queue has this cap over the whole fleet from now on, or none (NULL).
DELETE FROM caps WHERE key = :key AND :most IS NULL;

INSERT INTO caps (key, most) SELECT :key, :most WHERE :most IS NOT NULL
ON CONFLICT (key) DO UPDATE SET most = excluded.most
