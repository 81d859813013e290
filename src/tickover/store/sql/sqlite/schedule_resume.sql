-- schedule_resume: a paused schedule fires again, from :next on. No row: it is not paused, or changed since we looked.
UPDATE schedules SET paused_at = NULL, next_slot = :next_ms
WHERE name = :name AND paused_at IS NOT NULL AND spec_version = :version AND next_slot IS :expected_ms
RETURNING name
