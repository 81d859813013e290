-- look: for which of these waits what they wait for is there already. The jobs are locked by `hold` in an earlier
-- statement: looked at in the locking one, a wake-up that was committed just before was lost.
SELECT t.id FROM json_to_recordset(CAST(:waits AS json)) AS t (id uuid, generation int, kind text, ref text)
WHERE CASE t.kind
    WHEN 'signal' THEN EXISTS (
        SELECT 1 FROM signals s WHERE s.job_id = t.id AND s.name = t.ref AND s.consumed_at IS NULL)
    WHEN 'callback' THEN EXISTS (
        SELECT 1 FROM callbacks c WHERE c.job_id = t.id AND c.generation = t.generation AND c.step_key = t.ref AND c.received_at IS NOT NULL)
    WHEN 'fan_out' THEN EXISTS (SELECT 1 FROM fan_outs f WHERE f.id = CAST(t.ref AS uuid) AND f.status <> 'open')
    ELSE false END
