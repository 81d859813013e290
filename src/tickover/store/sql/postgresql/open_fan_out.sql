-- open_fan_out: the row that counts a fan-out's children; written with them, and with the park of their parent.
INSERT INTO fan_outs (id, parent_id, generation, step_key, total, strategy, required, cancel_on_failure, timeout_at, created_at)
SELECT t.id, t.parent_id, t.generation, t.step_key, t.total, t.strategy, t.required, t.cancel_on_failure,
    clock_timestamp() + t.timeout * interval '1 second', clock_timestamp()
FROM json_to_recordset(CAST(:fan_outs AS json)) AS t (
    id uuid, parent_id uuid, generation int, step_key text, total int, strategy text, required int,
    cancel_on_failure smallint, timeout double precision
)
RETURNING id
