-- recount: a bounded stretch of open fan-outs behind :after, each with whether its counters are those of its children. A
-- child and its count are written together, so a difference is a defect's trace, however late this looks. Read only.
WITH looked AS MATERIALIZED (
    SELECT id, total, done, failed, cancelled FROM fan_outs WHERE status = 'open' AND id > :after ORDER BY id LIMIT :limit
)
SELECT f.id, (f.done, f.failed, f.cancelled) <> (
    count(*) FILTER (WHERE c.state = 'completed'), count(*) FILTER (WHERE c.state = 'failed'),
    count(*) FILTER (WHERE c.state = 'cancelled') + f.total - count(c.id)
)
FROM looked f LEFT JOIN jobs c ON c.fan_out_id = f.id
GROUP BY f.id ORDER BY f.id
