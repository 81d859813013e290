-- holders: who holds these unique keys now.
SELECT j.tenant, j.unique_key, j.id
FROM json_each(:keys) k
JOIN jobs j ON j.tenant = k.value ->> 'tenant' AND j.unique_key = k.value ->> 'unique_key'
WHERE j.unique_key IS NOT NULL AND j.state NOT IN ('completed', 'failed', 'cancelled');
