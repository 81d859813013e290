-- limit_take: writes what was decided: places taken, windows counted, windows promised, and promises that are over.
DELETE FROM cap_slots WHERE promised IS NOT NULL AND EXISTS (
    SELECT 1 FROM json_each(:over) WHERE value ->> 'key' = cap_slots.key AND value ->> 'id' = cap_slots.job_id);

INSERT INTO cap_slots (key, job_id, epoch, promised)
SELECT value ->> 'key', value ->> 'id', value ->> 'epoch', value ->> 'promised' FROM json_each(:slots) WHERE true
ON CONFLICT (key, job_id) DO UPDATE SET epoch = excluded.epoch, promised = excluded.promised, expires_at = NULL;

INSERT INTO rate_windows (key, number, used)
SELECT value ->> 'key', value ->> 'number', sum(value ->> 'used') FROM json_each(:counts) GROUP BY 1, 2
ON CONFLICT (key, number) DO UPDATE SET used = max(0, used + excluded.used)
