-- enqueue: every job of the set is written with its payload and its event, except those whose unique key is held.
-- Returns the ids that were written; a missing id means "somebody holds the key" (then `holders` says who).
WITH input AS MATERIALIZED (
    -- Sparse rows: an absent option is its default, so 10,000 plain jobs travel as ids and payloads.
    SELECT t.* FROM json_to_recordset(CAST(:jobs AS json)) AS t (
        id uuid, kind text, args text, queue text, tenant text, priority smallint, delay double precision,
        at timestamptz, retries int, max_crashes int, timeout_ms bigint, backoff text, unique_key text, meta text,
        determinism text, code_version text, trace_context text, parent_id uuid, root_id uuid, fan_out_id uuid,
        fan_out_index int, cap_keys text
    )
), written AS (
    INSERT INTO jobs (
        id, kind, queue, tenant, priority, state, run_at, created_at, max_retries, max_crashes, timeout_ms, backoff,
        unique_key, meta, determinism, code_version, trace_context, parent_id, root_id, fan_out_id, fan_out_index, cap_keys,
        event_seq
    )
    SELECT id, kind, COALESCE(queue, 'default'), COALESCE(tenant, ''), COALESCE(priority, 0), 'pending',
        -- One instant for the whole set: within it, order is the order of the ids.
        COALESCE(at, statement_timestamp() + COALESCE(delay, 0) * interval '1 second'), statement_timestamp(),
        COALESCE(retries, 3), COALESCE(max_crashes, 3), timeout_ms, backoff, unique_key, meta, determinism,
        code_version, trace_context, parent_id, root_id, fan_out_id, fan_out_index, cap_keys,
        CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    FROM input
    ON CONFLICT (tenant, unique_key)
        WHERE unique_key IS NOT NULL AND state NOT IN ('completed', 'failed', 'cancelled') DO NOTHING
    RETURNING id, kind, queue
), stored AS (
    INSERT INTO job_data (job_id, args) SELECT id, args FROM input JOIN written USING (id)
), logged AS (
    INSERT INTO events (job_id, n, at, type, kind, queue)
    SELECT id, 1, statement_timestamp(), 'JobEnqueued', kind, queue FROM written WHERE CAST(:log AS text) = 'all'
)
SELECT id FROM written
