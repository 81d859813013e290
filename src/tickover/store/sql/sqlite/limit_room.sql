-- limit_room: what is taken of each limit: rows (what, key, three numbers, job). A place of a cap is taken by a job that
-- runs under the epoch that took it, or that was woken for it a moment ago and is not claimed yet; so whatever ends a
-- run has freed its places by that.
SELECT 'now', '', :now, 0, 0, NULL
UNION ALL
SELECT 'cap', c.key, c.most, (
    SELECT count(*) FROM cap_slots s JOIN jobs j ON j.id = s.job_id
    WHERE s.key = c.key AND s.promised IS NULL AND s.job_id NOT IN (SELECT value FROM json_each(:ids)) AND ((j.state = 'running' AND j.epoch = s.epoch) OR (j.state = 'pending' AND s.expires_at > :now))
), 0, NULL
FROM caps c JOIN json_each(:limits) t ON t.value ->> 'key' = c.key WHERE c.per_ms IS NULL
UNION ALL
SELECT 'rate', w.key, w.number, w.used, 0, NULL
FROM json_each(:limits) t JOIN caps c ON c.key = t.value ->> 'key' JOIN rate_windows w ON w.key = c.key
WHERE c.per_ms IS NOT NULL
    AND (w.number = :now / c.per_ms OR w.number = (SELECT max(number) FROM rate_windows WHERE key = c.key))
UNION ALL
SELECT 'promise', key, promised, 0, 0, job_id FROM cap_slots
WHERE promised IS NOT NULL AND job_id IN (SELECT value FROM json_each(:ids))
