ALTER TABLE jobs ADD COLUMN cap_keys TEXT;

CREATE INDEX jobs_cap_waiting ON jobs (wait_ref, priority DESC, id) WHERE state = 'waiting' AND wait_kind = 'cap';

CREATE TABLE caps (
    key TEXT NOT NULL,
    most INTEGER NOT NULL,
    per_ms BIGINT,
    PRIMARY KEY (key)
);

CREATE TABLE cap_slots (
    key TEXT NOT NULL,
    job_id UUID NOT NULL,
    epoch BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    promised BIGINT,
    PRIMARY KEY (key, job_id)
);

CREATE INDEX cap_slots_job ON cap_slots (job_id);

CREATE TABLE rate_windows (
    key TEXT NOT NULL,
    number BIGINT NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (key, number)
);
