-- count_children: adds the children that this transaction ended to their fan-outs, and brings the counters back. Rows
-- are locked in id order. Counters, because counting the children themselves resumed the parent never: two that end at
-- once do not see each other.
WITH input AS MATERIALIZED (
    SELECT * FROM json_to_recordset(CAST(:ends AS json)) AS t (id uuid, done int, failed int, cancelled int)
), locked AS MATERIALIZED (
    SELECT f.id FROM fan_outs f JOIN input t USING (id) ORDER BY f.id FOR NO KEY UPDATE OF f
)
UPDATE fan_outs f SET done = f.done + t.done, failed = f.failed + t.failed, cancelled = f.cancelled + t.cancelled
FROM locked l JOIN input t USING (id)
WHERE f.id = l.id
RETURNING f.id, f.parent_id, f.status, f.cancel_on_failure, f.total, f.done, f.failed, f.cancelled, f.strategy, f.required
