-- schedule_advance: everything up to :last is decided, and the next slot is :next; only if it still was :expected.
UPDATE schedules SET next_slot = CAST(:next AS timestamptz), last_slot = CAST(:last AS timestamptz),
    last_fired_at = CASE WHEN CAST(:fired AS boolean) THEN clock_timestamp() ELSE last_fired_at END
WHERE name = :name AND spec_version = :version AND next_slot = CAST(:expected AS timestamptz)
RETURNING name
