-- schedule_put: a schedule that code declares is stored, unless somebody stored one of its name meanwhile. Returns its name.
INSERT INTO schedules (
    name, kind, payload, options, spec, tz, next_slot, catch_up, overlap, code_version, created_at, seen_at
)
VALUES (
    :name, :kind, :payload, :options, :spec, :tz, CAST(:next AS timestamptz), :catch_up, :overlap, :code_version,
    statement_timestamp(), statement_timestamp()
)
ON CONFLICT (name) DO NOTHING RETURNING name
