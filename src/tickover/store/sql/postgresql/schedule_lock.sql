-- schedule_lock: a due schedule is ours until the transaction ends, if it is still as we read it. Returns the database's
-- time, or no row. SKIP LOCKED: another scheduler has it, and decides the same.
SELECT statement_timestamp() FROM schedules
WHERE name = :name AND spec_version = :version AND next_slot = CAST(:expected AS timestamptz)
    AND next_slot <= statement_timestamp() AND paused_at IS NULL
FOR NO KEY UPDATE SKIP LOCKED
