-- 0002 on SQLite: workflows and schedules. Frozen: a released migration is never edited. The why of each column is in tables.py.

ALTER TABLE jobs ADD COLUMN slot BIGINT;

CREATE INDEX jobs_live_child ON jobs (parent_id) WHERE parent_id IS NOT NULL AND state NOT IN ('completed', 'failed', 'cancelled');

CREATE INDEX jobs_waiting_fan_out ON jobs (id) WHERE wait_kind = 'fan_out' AND state IN ('waiting', 'paused');

CREATE INDEX jobs_again ON jobs (id) WHERE generation > 0;

CREATE INDEX ticks_news ON ticks (id) WHERE durations IS NOT NULL;

CREATE INDEX idempotency_job ON idempotency (job_id);

CREATE TABLE fan_outs (
    id TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    step_key TEXT NOT NULL,
    total INTEGER NOT NULL,
    done INTEGER DEFAULT '0' NOT NULL,
    failed INTEGER DEFAULT '0' NOT NULL,
    cancelled INTEGER DEFAULT '0' NOT NULL,
    strategy TEXT NOT NULL,
    required INTEGER NOT NULL,
    status TEXT DEFAULT 'open' NOT NULL,
    cancel_on_failure SMALLINT DEFAULT '0' NOT NULL,
    timeout_at BIGINT,
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    PRIMARY KEY (id),
    CONSTRAINT fan_outs_status CHECK (status IN ('open', 'completed', 'failed', 'timed_out', 'cancelled')),
    CONSTRAINT fan_outs_counts CHECK (done + failed + cancelled <= total)
);

CREATE INDEX fan_outs_open ON fan_outs (id) WHERE status = 'open';

CREATE INDEX fan_outs_parent ON fan_outs (parent_id);

CREATE INDEX fan_outs_timeout ON fan_outs (timeout_at) WHERE status = 'open' AND timeout_at IS NOT NULL;

CREATE TABLE signals (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL,
    name TEXT NOT NULL,
    message_id TEXT NOT NULL,
    payload TEXT,
    created_at BIGINT NOT NULL,
    consumed_at BIGINT,
    consumed_by TEXT
);

CREATE UNIQUE INDEX signals_message ON signals (job_id, name, message_id);

CREATE INDEX signals_unread ON signals (job_id, name, seq) WHERE consumed_at IS NULL;

CREATE TABLE callbacks (
    job_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    step_key TEXT NOT NULL,
    key_id TEXT NOT NULL,
    returns TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    payload TEXT,
    received_at BIGINT,
    PRIMARY KEY (job_id, generation, step_key)
);

CREATE INDEX callbacks_expiry ON callbacks (expires_at);

CREATE TABLE schedules (
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT,
    options TEXT,
    spec TEXT NOT NULL,
    tz TEXT DEFAULT 'UTC' NOT NULL,
    next_slot BIGINT,
    last_slot BIGINT,
    last_fired_at BIGINT,
    catch_up TEXT DEFAULT 'latest' NOT NULL,
    overlap TEXT DEFAULT 'allow' NOT NULL,
    spec_version BIGINT DEFAULT '1' NOT NULL,
    code_version TEXT,
    paused_at BIGINT,
    created_at BIGINT NOT NULL,
    seen_at BIGINT,
    PRIMARY KEY (name)
);

CREATE INDEX schedules_due ON schedules (next_slot);

CREATE TABLE fires (
    schedule TEXT NOT NULL,
    slot BIGINT NOT NULL,
    job_id TEXT,
    outcome TEXT NOT NULL,
    reason TEXT,
    fired_at BIGINT NOT NULL,
    PRIMARY KEY (schedule, slot)
);

CREATE INDEX fires_age ON fires (fired_at);

CREATE INDEX fires_fired ON fires (schedule, slot) WHERE job_id IS NOT NULL;

CREATE TABLE durations (
    kind TEXT NOT NULL,
    step TEXT NOT NULL,
    histogram TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (kind, step)
);
