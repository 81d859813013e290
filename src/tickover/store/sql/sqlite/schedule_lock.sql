-- schedule_lock: a due schedule is ours until the transaction ends, if it is still as we read it. Returns the database's
-- time, or no row. The transaction that this is in holds the only write lock.
SELECT :now FROM schedules
WHERE name = :name AND spec_version = :version AND next_slot = :expected_ms AND next_slot <= :now AND paused_at IS NULL
