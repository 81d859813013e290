-- fold_durations: the histograms are what they add up to now, and the ticks have nothing left to tell.
UPDATE durations SET histogram = t.histogram, updated_at = :now
FROM (SELECT value ->> 'kind' AS kind, value ->> 'step' AS step, value ->> 'histogram' AS histogram FROM json_each(:folded)) t
WHERE durations.kind = t.kind AND durations.step = t.step;

UPDATE ticks SET durations = NULL WHERE id IN (SELECT value FROM json_each(:ticks));
