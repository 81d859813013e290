-- exists: which of these ids are rows; resolves an enqueue whose COMMIT was cut (rule 9).
SELECT id FROM jobs WHERE id IN (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(:ids AS json)))
