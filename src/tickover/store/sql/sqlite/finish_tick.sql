-- finish_tick: closes this tick's row, and announces the kinds its code knows (at most hourly each).
UPDATE ticks SET ended_at = :now, stopped_because = :stopped_because, completed = :completed, failed = :failed,
    retried = :retried, yielded = :yielded, parked = :parked, cancelled = :cancelled, lost = :lost, reaped = :reaped,
    released = :released, statements = :statements, memory_mb = :memory_mb, durations = :durations,
    cost = :cost
WHERE id = :tick
RETURNING id;

INSERT INTO kinds (kind, code_version, last_seen)
SELECT value, :code_version, :now FROM json_each(:kinds) WHERE true
ON CONFLICT (kind) DO UPDATE SET code_version = excluded.code_version, last_seen = excluded.last_seen
WHERE last_seen < excluded.last_seen - 3600000 OR code_version <> excluded.code_version;
