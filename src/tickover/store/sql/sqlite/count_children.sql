-- count_children: adds the children that this transaction ended to their fan-outs, and brings the counters back.
UPDATE fan_outs SET done = done + t.done_, failed = failed + t.failed_, cancelled = cancelled + t.cancelled_
FROM (
    SELECT value ->> 'id' AS id, value ->> 'done' AS done_, value ->> 'failed' AS failed_, value ->> 'cancelled' AS cancelled_
    FROM json_each(:ends)
) t
WHERE fan_outs.id = t.id
RETURNING fan_outs.id, fan_outs.parent_id, fan_outs.status, fan_outs.cancel_on_failure, fan_outs.total, fan_outs.done,
    fan_outs.failed, fan_outs.cancelled, fan_outs.strategy, fan_outs.required;
