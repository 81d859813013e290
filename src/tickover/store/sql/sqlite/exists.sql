-- exists: which of these ids are rows; resolves an enqueue whose outcome is unknown (rule 9).
SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(:ids));
