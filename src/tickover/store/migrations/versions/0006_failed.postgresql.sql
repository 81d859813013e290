CREATE INDEX jobs_failed ON jobs (id) WHERE state = 'failed';

-- What happened in a stretch of time, for people who look at one tick: block ranges cost next to nothing per insert.
CREATE INDEX events_at ON events USING brin (at) WITH (pages_per_range = 16, autosummarize = on);
