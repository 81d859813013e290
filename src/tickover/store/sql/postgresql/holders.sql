-- holders: who holds these unique keys now. A statement of its own: the insert's snapshot cannot see the row that
-- made it do nothing.
SELECT j.tenant, j.unique_key, j.id
FROM jobs j
JOIN json_to_recordset(CAST(:keys AS json)) AS k (tenant text, unique_key text)
    ON j.tenant = k.tenant AND j.unique_key = k.unique_key
WHERE j.unique_key IS NOT NULL AND j.state NOT IN ('completed', 'failed', 'cancelled')
