-- finish_tick: closes this tick's row, and announces the kinds its code knows (at most hourly each).
WITH known AS (
    INSERT INTO kinds AS k (kind, code_version, last_seen)
    SELECT value, :code_version, statement_timestamp() FROM json_array_elements_text(CAST(:kinds AS json))
    ON CONFLICT (kind) DO UPDATE SET code_version = EXCLUDED.code_version, last_seen = EXCLUDED.last_seen
    WHERE k.last_seen < statement_timestamp() - interval '1 hour' OR k.code_version <> EXCLUDED.code_version
)
UPDATE ticks SET ended_at = clock_timestamp(), stopped_because = :stopped_because, completed = CAST(:completed AS int),
    failed = CAST(:failed AS int), retried = CAST(:retried AS int), yielded = CAST(:yielded AS int),
    parked = CAST(:parked AS int), cancelled = CAST(:cancelled AS int), lost = CAST(:lost AS int),
    reaped = CAST(:reaped AS int), released = CAST(:released AS int), statements = CAST(:statements AS int),
    memory_mb = CAST(:memory_mb AS double precision), durations = CAST(:durations AS text),
    cost = CAST(:cost AS double precision)
WHERE id = CAST(:tick AS uuid)
