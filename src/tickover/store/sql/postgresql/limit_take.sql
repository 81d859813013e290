-- limit_take: writes what was decided under the locks of `limit_lock` and `hold`: places taken, windows counted, windows
-- promised, and promises that are over.
DELETE FROM cap_slots s USING json_to_recordset(CAST(:over AS json)) AS t (key text, id uuid)
WHERE s.key = t.key AND s.job_id = t.id AND s.promised IS NOT NULL;

INSERT INTO cap_slots (key, job_id, epoch, promised)
SELECT key, id, epoch, promised FROM json_to_recordset(CAST(:slots AS json)) AS t (key text, id uuid, epoch bigint, promised bigint)
ON CONFLICT (key, job_id) DO UPDATE SET epoch = EXCLUDED.epoch, promised = EXCLUDED.promised, expires_at = NULL;

INSERT INTO rate_windows AS w (key, number, used)
SELECT key, number, sum(used) FROM json_to_recordset(CAST(:counts AS json)) AS t (key text, number bigint, used int)
GROUP BY key, number ORDER BY key, number
ON CONFLICT (key, number) DO UPDATE SET used = GREATEST(0, w.used + EXCLUDED.used)
