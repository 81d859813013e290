-- schedule_seen: notes that running code declares these schedules as they are stored.
UPDATE schedules SET seen_at = :now WHERE name IN (SELECT value FROM json_each(:names))
