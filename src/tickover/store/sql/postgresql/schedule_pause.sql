-- schedule_pause: no slot of it fires from now on. No row: it is paused already, or unknown.
UPDATE schedules SET paused_at = clock_timestamp() WHERE name = :name AND paused_at IS NULL RETURNING name
