-- open_fan_out: the row that counts a fan-out's children; written with them, and with the park of their parent.
INSERT INTO fan_outs (id, parent_id, generation, step_key, total, strategy, required, cancel_on_failure, timeout_at, created_at)
SELECT value ->> 'id', value ->> 'parent_id', value ->> 'generation', value ->> 'step_key', value ->> 'total',
    value ->> 'strategy', value ->> 'required', value ->> 'cancel_on_failure',
    :now + CAST(1000 * (value ->> 'timeout') AS INTEGER), :now
FROM json_each(:fan_outs)
RETURNING id;
