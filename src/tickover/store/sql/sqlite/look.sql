-- look: for which of these waits what they wait for is there already.
SELECT t.value ->> 'id' FROM json_each(:waits) t
WHERE CASE t.value ->> 'kind'
    WHEN 'signal' THEN EXISTS (
        SELECT 1 FROM signals s WHERE s.job_id = t.value ->> 'id' AND s.name = t.value ->> 'ref' AND s.consumed_at IS NULL)
    WHEN 'callback' THEN EXISTS (
        SELECT 1 FROM callbacks c WHERE c.job_id = t.value ->> 'id' AND c.generation = t.value ->> 'generation'
            AND c.step_key = t.value ->> 'ref' AND c.received_at IS NOT NULL)
    WHEN 'fan_out' THEN EXISTS (SELECT 1 FROM fan_outs f WHERE f.id = t.value ->> 'ref' AND f.status <> 'open')
    ELSE 0 END;
