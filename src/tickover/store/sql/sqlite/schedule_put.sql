-- schedule_put: a schedule that code declares is stored, unless somebody stored one of its name meanwhile. Returns its name.
INSERT INTO schedules (
    name, kind, payload, options, spec, tz, next_slot, catch_up, overlap, code_version, created_at, seen_at
)
VALUES (:name, :kind, :payload, :options, :spec, :tz, :next_ms, :catch_up, :overlap, :code_version, :now, :now)
ON CONFLICT (name) DO NOTHING RETURNING name
