-- limit_room: what is taken of each limit, under the locks of `limit_lock`: rows (what, key, three numbers, job). A place
-- of a cap is taken by a job that runs under the epoch that took it, or that was woken for it a moment ago and is not
-- claimed yet; so whatever ends a run has freed its places by that. Rows are counted whether locked or not.
SELECT 'now', '', CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint), 0, 0, NULL
UNION ALL
SELECT 'cap', c.key, c.most, (
    SELECT count(*) FROM cap_slots s JOIN jobs j ON j.id = s.job_id
    WHERE s.key = c.key AND s.promised IS NULL AND s.job_id <> ALL (ARRAY(SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(:ids AS json))))
        AND ((j.state = 'running' AND j.epoch = s.epoch) OR (j.state = 'pending' AND s.expires_at > statement_timestamp()))
), 0, NULL
FROM caps c JOIN json_to_recordset(CAST(:limits AS json)) AS t (key text) USING (key) WHERE c.per_ms IS NULL
UNION ALL
SELECT 'rate', w.key, w.number, w.used, 0, NULL FROM caps c JOIN json_to_recordset(CAST(:limits AS json)) AS t (key text) USING (key)
CROSS JOIN LATERAL (
    (SELECT key, number, used FROM rate_windows
     WHERE key = c.key AND number = CAST(floor(extract(epoch FROM clock_timestamp()) * 1000 / c.per_ms) AS bigint))
    UNION
    (SELECT key, number, used FROM rate_windows WHERE key = c.key ORDER BY number DESC LIMIT 1)
) w
WHERE c.per_ms IS NOT NULL
UNION ALL
SELECT 'promise', key, promised, 0, 0, CAST(job_id AS text) FROM cap_slots
WHERE promised IS NOT NULL AND job_id IN (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(:ids AS json)))
