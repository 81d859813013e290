"""The tables, each with its reasons. DDL is made from here by Alembic; hot statements are the files in `sql/`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)

from tickover.store import audit_tables, flow_tables, limit_tables
from tickover.store.columns import Id, Instant, count, from_stored, metadata, stored_instant

LIVE = "state NOT IN ('completed', 'failed', 'cancelled')"
TERMINAL = "state IN ('completed', 'failed', 'cancelled')"

# Hot and narrow: what a claim and a settle touch. Never index `lease_until`: renewals stay HOT (0004).
jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("tenant", Text, nullable=False, server_default=""),
    Column("priority", SmallInteger, nullable=False, server_default="0"),
    Column("state", Text, nullable=False),
    Column("run_at", Instant),  # NULL: it waits without an end
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    count("epoch", BigInteger),
    Column("claim_id", Id),
    Column("lease_until", Instant),
    Column("holder", Id),
    Column("paused_from", Text),
    Column("pause_requested_at", Instant),
    *(
        count(n)
        for n in ("starts", "completed", "failures", "crashes", "yields", "stalls", "parks", "released", "aborts")
    ),
    count("crash_run", SmallInteger),
    count("stall_run", SmallInteger),
    count("forgiven"),  # failures that an operator's retry forgave: counters themselves are never reset
    count("need_ms"),
    count("steps"),
    count("deferrals", SmallInteger),
    count("event_seq"),  # events written for this job: numbers them 1..n without gaps
    count("generation"),
    Column("max_retries", Integer, nullable=False),
    Column("max_crashes", Integer, nullable=False),
    Column("timeout_ms", BigInteger),
    Column("backoff", Text),  # JSON [initial, factor, maximum, jitter]; NULL is the default
    Column("wait_kind", Text),
    Column("wait_ref", Text),
    Column("unique_key", Text),
    Column("parent_id", Id),
    Column("root_id", Id),
    Column("fan_out_id", Id),
    Column("fan_out_index", Integer),
    Column("code_version", Text),
    Column("determinism", Text),
    Column("meta", Text),
    Column("trace_context", Text),
    Column("cap_keys", Text),  # JSON [[name of a limit, key], …]; NULL for most jobs
    Column("slot", Instant),  # of the schedule that fired it; a slot is a UTC instant
    CheckConstraint(
        "state IN ('pending', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled')", name="jobs_state"
    ),
    CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="jobs_lease"),
    CheckConstraint(f"({TERMINAL}) = (finished_at IS NOT NULL)", name="jobs_finished"),
    CheckConstraint("(state = 'paused') = (paused_from IS NOT NULL)", name="jobs_paused"),
    CheckConstraint("state <> 'waiting' OR wait_kind IS NOT NULL", name="jobs_waiting"),
    CheckConstraint("run_at IS NOT NULL OR state NOT IN ('pending', 'running')", name="jobs_run_at"),
    # Every exit clears the request; one left behind would pause a later retry.
    CheckConstraint("pause_requested_at IS NULL OR state = 'running'", name="jobs_pause_requested"),
    CheckConstraint("priority BETWEEN -32768 AND 32767", name="jobs_priority"),
    # Room for HOT updates, and a vacuum that keeps up with a table where every row dies young.
    postgresql_with={
        "fillfactor": 75,
        "autovacuum_vacuum_scale_factor": 0.01,
        "autovacuum_vacuum_threshold": 500,
        "autovacuum_analyze_scale_factor": 0.02,
        "autovacuum_vacuum_cost_delay": 0,
    },
)


def _index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    condition = text(where)
    return Index(
        name,
        *(text(c) if " " in c else jobs.c[c] for c in columns),
        unique=unique,
        postgresql_where=condition,
        sqlite_where=condition,
        _table=jobs,
    )


claim_index = _index("jobs_claim", "queue", "priority DESC", "run_at", "id", where="state = 'pending'")
running_index = _index("jobs_running", "id", where="state = 'running'")
waiting_index = _index("jobs_waiting_due", "run_at", where="state = 'waiting' AND run_at IS NOT NULL")
unique_index = _index(
    "jobs_unique_key", "tenant", "unique_key", where=f"unique_key IS NOT NULL AND {LIVE}", unique=True
)
# People look at what is over by kind and queue; live rows are few. Full indexes on these tripled the WAL.
kind_index = _index("jobs_kind_over", "kind", "id", where=TERMINAL)
queue_index = _index("jobs_queue_over", "queue", "id", where=TERMINAL)
# Beside the one below: it also has what was cancelled, so that a count of dead letters looked at a row for each of them.
failed_index = _index("jobs_failed", "id", where="state = 'failed'")
dead_index = _index("jobs_dead", "id", where="state IN ('failed', 'cancelled')")
# Cancels walk down by it, and the reaper finds children whose parent is over; what is over leaves it.
live_child_index = _index("jobs_live_child", "parent_id", where=f"parent_id IS NOT NULL AND {LIVE}")
waiting_fan_out_index = _index(
    "jobs_waiting_fan_out", "id", where="wait_kind = 'fan_out' AND state IN ('waiting', 'paused')"
)
again_index = _index("jobs_again", "id", where="generation > 0")  # a fresh retry left checkpoints behind
cap_index = _index(
    "jobs_cap_waiting", "wait_ref", "priority DESC", "id", where="state = 'waiting' AND wait_kind = 'cap'"
)
child_index = _index("jobs_child", "fan_out_id", "fan_out_index", where="fan_out_id IS NOT NULL")

# Cold and wide: hot updates of `jobs` do not rewrite payloads.
job_data = Table(
    "job_data",
    metadata,
    Column("job_id", Id, primary_key=True),
    Column("args", Text),
    Column("result", Text),
    Column("error", Text),
    Column("error_kind", Text),
    Column("progress", Text),
    postgresql_with={"fillfactor": 85},
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("job_id", Id, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("step_key", Text, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", Text),
    Column("error", Text),
    Column("args_hash", Text),
    Column("epoch", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seconds", Double),
    Column("tick_id", Id),
)

queues = Table(
    "queues",
    metadata,
    Column("name", Text, primary_key=True),
    Column("paused_at", Instant),
    Column("paused_by", Text),
    Column("reason", Text),
    Column("nudged_at", Instant),
)

ticks = Table(
    "ticks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("function", Text),
    Column("trigger", Text, nullable=False),
    Column("parent", Id),
    Column("cold", SmallInteger, nullable=False, server_default="0"),
    Column("started_at", Instant, nullable=False),
    Column("deadline_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("stopped_because", Text),
    *(
        count(n)
        for n in (
            "claimed",
            "completed",
            "failed",
            "retried",
            "yielded",
            "parked",
            "cancelled",
            "lost",
            "reaped",
            "released",
        )
    ),
    count("statements"),
    Column("memory_mb", Double),
    Column("durations", Text),
    Column("cost", Double),
)
Index("ticks_started", ticks.c.started_at)
Index(
    "ticks_news",
    ticks.c.id,
    postgresql_where=text("durations IS NOT NULL"),
    sqlite_where=text("durations IS NOT NULL"),
)

tick_stats = Table(
    "tick_stats",
    metadata,
    Column("tick_id", Id, primary_key=True),
    Column("minute", Instant, primary_key=True),
    Column("queue", Text, primary_key=True),
    *(count(n) for n in ("completed", "failed", "retried", "yielded")),
    count("run_ms", BigInteger),
    count("wait_ms", BigInteger),
)
Index("tick_stats_minute", tick_stats.c.minute)

kinds = Table(
    "kinds",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("code_version", Text, nullable=False, server_default=""),
    Column("last_seen", Instant, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True, autoincrement=True),
    # PostgreSQL: the writing transaction. Identity order is not commit order, so the cursor is (txid, seq) (0006).
    Column("txid", BigInteger, nullable=False, server_default="0"),
    Column("job_id", Id),
    Column("n", Integer),
    Column("at", Instant, nullable=False),
    Column("type", Text, nullable=False),
    Column("epoch", BigInteger),
    Column("attempt", Integer),
    Column("kind", Text),
    Column("queue", Text),
    Column("tick_id", Id),
    Column("data", Text),
    sqlite_autoincrement=True,  # a pruned event's number must never come back: it is somebody's cursor
)
Index("events_job", events.c.job_id)

control = Table(
    "control",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("job_id", Id, nullable=False),
    Column("expires_at", Instant, nullable=False),
)
Index("idempotency_expiry", idempotency.c.expires_at)
Index("idempotency_job", idempotency.c.job_id)

__all__ = ["audit_tables", "flow_tables", "from_stored", "limit_tables", "metadata", "stored_instant"]
