-- grab_jobs: these rows, which nobody else can hold: the transaction's write lock is the only lock there is.
SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(:ids));
