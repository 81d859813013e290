-- limit_free: removes the places and promises of jobs that have left `running`. They count no more already; this is so
-- that the table stays as small as what runs.
DELETE FROM cap_slots WHERE job_id IN (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(:ids AS json)))
