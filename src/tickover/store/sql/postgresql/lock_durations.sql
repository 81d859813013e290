-- lock_durations: the histograms of these steps, locked in one order until the transaction ends; a new one is empty.
INSERT INTO durations (kind, step, histogram, updated_at)
SELECT kind, step, '{}', statement_timestamp() FROM json_to_recordset(CAST(:steps AS json)) AS t (kind text, step text)
ORDER BY kind, step ON CONFLICT (kind, step) DO NOTHING;

SELECT d.kind, d.step, d.histogram FROM durations d
JOIN json_to_recordset(CAST(:steps AS json)) AS t (kind text, step text) USING (kind, step)
ORDER BY d.kind, d.step FOR UPDATE OF d
