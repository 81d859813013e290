-- schedule_ran: a schedule was run by hand; its slots are as they were. It stays locked until the transaction ends.
UPDATE schedules SET last_fired_at = clock_timestamp() WHERE name = :name RETURNING clock_timestamp()
