-- 0001 on SQLite: the first tables. Frozen: a released migration is never edited. The why of each column is in tables.py.

CREATE TABLE jobs (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    queue TEXT NOT NULL,
    tenant TEXT DEFAULT '' NOT NULL,
    priority SMALLINT DEFAULT '0' NOT NULL,
    state TEXT NOT NULL,
    run_at BIGINT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    epoch BIGINT DEFAULT '0' NOT NULL,
    claim_id TEXT,
    lease_until BIGINT,
    holder TEXT,
    paused_from TEXT,
    pause_requested_at BIGINT,
    starts INTEGER DEFAULT '0' NOT NULL,
    completed INTEGER DEFAULT '0' NOT NULL,
    failures INTEGER DEFAULT '0' NOT NULL,
    crashes INTEGER DEFAULT '0' NOT NULL,
    yields INTEGER DEFAULT '0' NOT NULL,
    stalls INTEGER DEFAULT '0' NOT NULL,
    parks INTEGER DEFAULT '0' NOT NULL,
    released INTEGER DEFAULT '0' NOT NULL,
    aborts INTEGER DEFAULT '0' NOT NULL,
    crash_run SMALLINT DEFAULT '0' NOT NULL,
    stall_run SMALLINT DEFAULT '0' NOT NULL,
    forgiven INTEGER DEFAULT '0' NOT NULL,
    need_ms INTEGER DEFAULT '0' NOT NULL,
    steps INTEGER DEFAULT '0' NOT NULL,
    deferrals SMALLINT DEFAULT '0' NOT NULL,
    event_seq INTEGER DEFAULT '0' NOT NULL,
    generation INTEGER DEFAULT '0' NOT NULL,
    max_retries INTEGER NOT NULL,
    max_crashes INTEGER NOT NULL,
    timeout_ms BIGINT,
    backoff TEXT,
    wait_kind TEXT,
    wait_ref TEXT,
    unique_key TEXT,
    parent_id TEXT,
    root_id TEXT,
    fan_out_id TEXT,
    fan_out_index INTEGER,
    code_version TEXT,
    determinism TEXT,
    meta TEXT,
    trace_context TEXT,
    PRIMARY KEY (id),
    CONSTRAINT jobs_state CHECK (state IN ('pending', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled')),
    CONSTRAINT jobs_lease CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT jobs_finished CHECK ((state IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CONSTRAINT jobs_paused CHECK ((state = 'paused') = (paused_from IS NOT NULL)),
    CONSTRAINT jobs_waiting CHECK (state <> 'waiting' OR wait_kind IS NOT NULL),
    CONSTRAINT jobs_run_at CHECK (run_at IS NOT NULL OR state NOT IN ('pending', 'running')),
    CONSTRAINT jobs_pause_requested CHECK (pause_requested_at IS NULL OR state = 'running'),
    CONSTRAINT jobs_priority CHECK (priority BETWEEN -32768 AND 32767)
);

CREATE INDEX jobs_child ON jobs (fan_out_id, fan_out_index) WHERE fan_out_id IS NOT NULL;

CREATE INDEX jobs_claim ON jobs (queue, priority DESC, run_at, id) WHERE state = 'pending';

CREATE INDEX jobs_dead ON jobs (id) WHERE state IN ('failed', 'cancelled');

CREATE INDEX jobs_kind_over ON jobs (kind, id) WHERE state IN ('completed', 'failed', 'cancelled');

CREATE INDEX jobs_queue_over ON jobs (queue, id) WHERE state IN ('completed', 'failed', 'cancelled');

CREATE INDEX jobs_running ON jobs (id) WHERE state = 'running';

CREATE UNIQUE INDEX jobs_unique_key ON jobs (tenant, unique_key) WHERE unique_key IS NOT NULL AND state NOT IN ('completed', 'failed', 'cancelled');

CREATE INDEX jobs_waiting_due ON jobs (run_at) WHERE state = 'waiting' AND run_at IS NOT NULL;

CREATE TABLE job_data (
    job_id TEXT NOT NULL,
    args TEXT,
    result TEXT,
    error TEXT,
    error_kind TEXT,
    progress TEXT,
    PRIMARY KEY (job_id)
);

CREATE TABLE checkpoints (
    job_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    step_key TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    value TEXT,
    error TEXT,
    args_hash TEXT,
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seconds DOUBLE,
    tick_id TEXT,
    PRIMARY KEY (job_id, generation, step_key)
);

CREATE TABLE queues (
    name TEXT NOT NULL,
    paused_at BIGINT,
    paused_by TEXT,
    reason TEXT,
    nudged_at BIGINT,
    PRIMARY KEY (name)
);

CREATE TABLE ticks (
    id TEXT NOT NULL,
    function TEXT,
    "trigger" TEXT NOT NULL,
    parent TEXT,
    cold SMALLINT DEFAULT '0' NOT NULL,
    started_at BIGINT NOT NULL,
    deadline_at BIGINT NOT NULL,
    ended_at BIGINT,
    stopped_because TEXT,
    claimed INTEGER DEFAULT '0' NOT NULL,
    completed INTEGER DEFAULT '0' NOT NULL,
    failed INTEGER DEFAULT '0' NOT NULL,
    retried INTEGER DEFAULT '0' NOT NULL,
    yielded INTEGER DEFAULT '0' NOT NULL,
    parked INTEGER DEFAULT '0' NOT NULL,
    cancelled INTEGER DEFAULT '0' NOT NULL,
    lost INTEGER DEFAULT '0' NOT NULL,
    reaped INTEGER DEFAULT '0' NOT NULL,
    released INTEGER DEFAULT '0' NOT NULL,
    statements INTEGER DEFAULT '0' NOT NULL,
    memory_mb DOUBLE,
    durations TEXT,
    PRIMARY KEY (id)
);

CREATE INDEX ticks_started ON ticks (started_at);

CREATE TABLE tick_stats (
    tick_id TEXT NOT NULL,
    minute BIGINT NOT NULL,
    queue TEXT NOT NULL,
    completed INTEGER DEFAULT '0' NOT NULL,
    failed INTEGER DEFAULT '0' NOT NULL,
    retried INTEGER DEFAULT '0' NOT NULL,
    yielded INTEGER DEFAULT '0' NOT NULL,
    run_ms BIGINT DEFAULT '0' NOT NULL,
    wait_ms BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (tick_id, minute, queue)
);

CREATE INDEX tick_stats_minute ON tick_stats (minute);

CREATE TABLE kinds (
    kind TEXT NOT NULL,
    code_version TEXT DEFAULT '' NOT NULL,
    last_seen BIGINT NOT NULL,
    PRIMARY KEY (kind)
);

CREATE TABLE events (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    txid BIGINT DEFAULT '0' NOT NULL,
    job_id TEXT,
    n INTEGER,
    at BIGINT NOT NULL,
    type TEXT NOT NULL,
    epoch BIGINT,
    attempt INTEGER,
    kind TEXT,
    queue TEXT,
    tick_id TEXT,
    data TEXT
);

CREATE INDEX events_job ON events (job_id);

CREATE TABLE control (
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY ("key")
);

CREATE TABLE idempotency (
    tenant TEXT NOT NULL,
    "key" TEXT NOT NULL,
    job_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, "key")
);

CREATE INDEX idempotency_expiry ON idempotency (expires_at);
