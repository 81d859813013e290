-- schedule_ran: a schedule was run by hand; its slots are as they were.
UPDATE schedules SET last_fired_at = :now WHERE name = :name RETURNING :now
