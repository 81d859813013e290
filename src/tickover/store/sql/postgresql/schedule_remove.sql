-- schedule_remove: the schedule is gone. What it fired stays in `fires`, so no slot of one with its name fires twice.
DELETE FROM schedules WHERE name = :name RETURNING name
