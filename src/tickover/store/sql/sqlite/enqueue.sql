-- enqueue: every job of the set is written with its payload and its event, except those whose unique key is held.
-- Returns the ids that were written. In a SQLite verb the later statements know them as :accepted.
INSERT INTO jobs (
    id, kind, queue, tenant, priority, state, run_at, created_at, max_retries, max_crashes, timeout_ms, backoff,
    unique_key, meta, determinism, code_version, trace_context, parent_id, root_id, fan_out_id, fan_out_index, cap_keys,
    event_seq
)
SELECT value ->> 'id', value ->> 'kind', COALESCE(value ->> 'queue', 'default'), COALESCE(value ->> 'tenant', ''),
    COALESCE(value ->> 'priority', 0), 'pending',
    COALESCE(value ->> 'at_ms', :now + CAST(1000 * COALESCE(value ->> 'delay', 0) AS INTEGER)), :now,
    COALESCE(value ->> 'retries', 3), COALESCE(value ->> 'max_crashes', 3), value ->> 'timeout_ms', value ->> 'backoff',
    value ->> 'unique_key', value ->> 'meta', value ->> 'determinism', value ->> 'code_version',
    value ->> 'trace_context', value ->> 'parent_id', value ->> 'root_id', value ->> 'fan_out_id', value ->> 'fan_out_index',
    value ->> 'cap_keys',
    CASE WHEN :log = 'all' THEN 1 ELSE 0 END
FROM json_each(:jobs) WHERE true
ON CONFLICT (tenant, unique_key)
    WHERE unique_key IS NOT NULL AND state NOT IN ('completed', 'failed', 'cancelled') DO NOTHING
RETURNING id;

INSERT INTO job_data (job_id, args)
SELECT value ->> 'id', value ->> 'args' FROM json_each(:jobs)
WHERE value ->> 'id' IN (SELECT value FROM json_each(:accepted));

INSERT INTO events (job_id, n, at, type, kind, queue)
SELECT id, 1, :now, 'JobEnqueued', kind, queue FROM jobs
WHERE id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all' ORDER BY id;
