-- limit_unused: removes a bounded set of keys that nobody runs under, waits for or has been counted by within the hour: keys
-- that are made of tenants or customers would pile up. A cap without a key part is kept, so that people see it; a
-- queue's is an operator's word. Whoever admits locks the row first, so what is locked is looked at again in a later
-- statement: an admission that committed just before has its place there. One that comes later makes the row anew.
SELECT c.key FROM caps c WHERE (c.per_ms IS NOT NULL OR (strpos(c.key, ':') > 0 AND NOT starts_with(c.key, 'queue:')))
    AND NOT EXISTS (SELECT 1 FROM cap_slots s WHERE s.key = c.key)
    AND NOT EXISTS (SELECT 1 FROM rate_windows w WHERE w.key = c.key)
    AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.state = 'waiting' AND j.wait_kind = 'cap' AND j.wait_ref = 'cap:' || c.key)
ORDER BY c.key LIMIT CAST(:limit AS int) FOR UPDATE OF c SKIP LOCKED;

DELETE FROM caps c WHERE c.key IN (SELECT value FROM json_array_elements_text(CAST(:accepted AS json))) AND (c.per_ms IS NOT NULL OR (strpos(c.key, ':') > 0 AND NOT starts_with(c.key, 'queue:')))
    AND NOT EXISTS (SELECT 1 FROM cap_slots s WHERE s.key = c.key)
    AND NOT EXISTS (SELECT 1 FROM rate_windows w WHERE w.key = c.key)
    AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.state = 'waiting' AND j.wait_kind = 'cap' AND j.wait_ref = 'cap:' || c.key)
