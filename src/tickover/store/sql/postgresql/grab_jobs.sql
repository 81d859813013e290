-- grab_jobs: locks those of these rows that are free at this moment, and waits for none: whoever asks holds fan-outs, and
-- who waits for a job with a fan-out in its hands can be waited for in turn (decision 0028). Returns what it locked.
SELECT id FROM jobs WHERE id IN (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(:ids AS json)))
ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
