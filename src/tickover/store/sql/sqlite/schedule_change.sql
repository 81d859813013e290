-- schedule_change: a stored schedule becomes what code declares now, unless it changed or fired since we looked. A new
-- spec has a new next slot (:moved). Returns its name, or no row.
UPDATE schedules SET kind = :kind, payload = :payload, options = :options, spec = :spec, tz = :tz, catch_up = :catch_up,
    overlap = :overlap, code_version = :code_version, spec_version = spec_version + 1, seen_at = :now,
    next_slot = CASE WHEN :moved THEN :next_ms ELSE next_slot END
WHERE name = :name AND spec_version = :version AND next_slot IS :expected_ms
RETURNING name
