-- limit_unused: removes a bounded set of keys that nobody runs under, waits for or has been counted by within the hour: keys
-- that are made of tenants or customers would pile up. A cap without a key part is kept, so that people see it; a
-- queue's is an operator's word. One writer: nothing comes between.
DELETE FROM caps WHERE key IN (
    SELECT c.key FROM caps c WHERE (c.per_ms IS NOT NULL OR (instr(c.key, ':') > 0 AND substr(c.key, 1, 6) <> 'queue:'))
        AND NOT EXISTS (SELECT 1 FROM cap_slots s WHERE s.key = c.key)
        AND NOT EXISTS (SELECT 1 FROM rate_windows w WHERE w.key = c.key)
        AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.state = 'waiting' AND j.wait_kind = 'cap' AND j.wait_ref = 'cap:' || c.key)
    LIMIT :limit
);
