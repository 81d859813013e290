-- schedule_advance: everything up to :last is decided, and the next slot is :next; only if it still was :expected.
UPDATE schedules SET next_slot = :next_ms, last_slot = :last_ms,
    last_fired_at = CASE WHEN :fired THEN :now ELSE last_fired_at END
WHERE name = :name AND spec_version = :version AND next_slot = :expected_ms
RETURNING name
