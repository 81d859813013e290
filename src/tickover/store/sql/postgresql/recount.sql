-- recount: a bounded stretch of open fan-outs behind :after, each with whether its counters are those of its children. A
-- child and its count are written together, so a difference is a defect's trace, however late this looks. Read only.
WITH looked AS MATERIALIZED (
    SELECT id, total, done, failed, cancelled FROM fan_outs
    WHERE status = 'open' AND id > CAST(:after AS uuid) ORDER BY id LIMIT CAST(:limit AS int)
)
SELECT f.id, (f.done, f.failed, f.cancelled) <> (
    count(*) FILTER (WHERE c.state = 'completed'), count(*) FILTER (WHERE c.state = 'failed'),
    count(*) FILTER (WHERE c.state = 'cancelled') + f.total - count(c.id)
)
FROM looked f LEFT JOIN jobs c ON c.fan_out_id = f.id
GROUP BY f.id, f.total, f.done, f.failed, f.cancelled ORDER BY f.id
