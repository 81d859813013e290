-- lock_jobs: in which state these jobs are; the transaction's write lock keeps it so until it ends.
SELECT id, state FROM jobs WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY id;
