-- resume_ticks: the fleet claims again. No row: it was not paused.
DELETE FROM control WHERE key = 'ticks_paused' RETURNING key;

INSERT INTO events (at, type) SELECT :now, 'TicksResumed' FROM json_each(:accepted) WHERE :log = 'all';
