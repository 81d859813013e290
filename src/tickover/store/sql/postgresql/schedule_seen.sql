-- schedule_seen: notes that running code declares these schedules as they are stored.
UPDATE schedules SET seen_at = statement_timestamp() WHERE name IN (SELECT json_array_elements_text(CAST(:names AS json)))
