-- schedules: every schedule as it is stored, with the database's time and the version of its tables. Read only.
-- Without any schedule, one row has the time alone.
SELECT v.now, v.version, s.name, s.kind, s.payload, s.options, s.spec, s.tz, s.catch_up, s.overlap, s.next_slot, s.last_slot,
    s.last_fired_at, s.spec_version, s.code_version, s.paused_at, s.seen_at
FROM (SELECT :now AS now, (SELECT version_num FROM tickover_version) AS version) v
LEFT JOIN schedules s ON true ORDER BY s.name
