-- pause_ticks: no tick of the fleet claims; with `aggressive` running jobs also stop at their next boundary.
INSERT INTO control (key, value, updated_at) VALUES ('ticks_paused', :mode, :now)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at WHERE control.value <> excluded.value
RETURNING value;

INSERT INTO events (at, type, data)
SELECT :now, 'TicksPaused', json_object('reason', value) FROM json_each(:accepted) WHERE :log = 'all';
