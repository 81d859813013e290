-- lock_durations: the histograms of these steps; a new one is empty.
INSERT INTO durations (kind, step, histogram, updated_at)
SELECT value ->> 'kind', value ->> 'step', '{}', :now FROM json_each(:steps) WHERE true
ON CONFLICT (kind, step) DO NOTHING;

SELECT kind, step, histogram FROM durations
WHERE (kind, step) IN (SELECT value ->> 'kind', value ->> 'step' FROM json_each(:steps));
