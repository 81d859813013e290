-- fold_durations: the locked histograms are what they add up to now, and the ticks have nothing left to tell.
UPDATE durations d SET histogram = t.histogram, updated_at = statement_timestamp()
FROM json_to_recordset(CAST(:folded AS json)) AS t (kind text, step text, histogram text)
WHERE d.kind = t.kind AND d.step = t.step;

UPDATE ticks SET durations = NULL WHERE id IN (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(:ticks AS json)))
