-- lock_jobs: locks rows by id alone, in id order, and says in which state they are. Whoever wakes a job tests its state
-- in a later statement: in one statement the wake-up was lost, since the test saw the row as it was before the lock.
SELECT id, state FROM jobs WHERE id IN (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(:ids AS json)))
ORDER BY id FOR NO KEY UPDATE
