"""The tables of workflows and schedules, each with its reasons; see `tickover.store.tables`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)

from tickover.store.columns import Id, Instant, count, metadata

# One per fan-out: counters, so that nobody ever counts children. Room for HOT: every child's end updates it.
fan_outs = Table(
    "fan_outs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("parent_id", Id, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("step_key", Text, nullable=False),
    Column("total", Integer, nullable=False),
    *(count(n) for n in ("done", "failed", "cancelled")),
    Column("strategy", Text, nullable=False),
    Column("required", Integer, nullable=False),  # successes without which it has failed
    Column("status", Text, nullable=False, server_default="open"),
    Column("cancel_on_failure", SmallInteger, nullable=False, server_default="0"),
    Column("timeout_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("decided_at", Instant),
    CheckConstraint("status IN ('open', 'completed', 'failed', 'timed_out', 'cancelled')", name="fan_outs_status"),
    CheckConstraint("done + failed + cancelled <= total", name="fan_outs_counts"),
    postgresql_with={"fillfactor": 70},
)
Index(
    "fan_outs_open",
    fan_outs.c.id,
    postgresql_where=text("status = 'open'"),
    sqlite_where=text("status = 'open'"),
)
Index("fan_outs_parent", fan_outs.c.parent_id)
Index(
    "fan_outs_timeout",
    fan_outs.c.timeout_at,
    postgresql_where=text("status = 'open' AND timeout_at IS NOT NULL"),
    sqlite_where=text("status = 'open' AND timeout_at IS NOT NULL"),
)

signals = Table(
    "signals",
    metadata,
    # Numbered under the job's row lock, so that its order is the order of the commits.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True, autoincrement=True),
    Column("job_id", Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("payload", Text),
    Column("created_at", Instant, nullable=False),
    Column("consumed_at", Instant),
    Column("consumed_by", Text),  # generation and step key
    sqlite_autoincrement=True,
)
Index("signals_message", signals.c.job_id, signals.c.name, signals.c.message_id, unique=True)
Index(
    "signals_unread",
    signals.c.job_id,
    signals.c.name,
    signals.c.seq,
    postgresql_where=text("consumed_at IS NULL"),
    sqlite_where=text("consumed_at IS NULL"),
)

callbacks = Table(
    "callbacks",
    metadata,
    Column("job_id", Id, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("step_key", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("returns", Text),  # `module:qualname` of the type that the answer must have, where it has a name
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("payload", Text),
    Column("received_at", Instant),
)
Index("callbacks_expiry", callbacks.c.expires_at)

schedules = Table(
    "schedules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", Text),
    Column("options", Text),  # JSON: the job's options as they were said; those of its handler come at the fire
    Column("spec", Text, nullable=False),
    Column("tz", Text, nullable=False, server_default="UTC"),
    Column("next_slot", Instant),  # the truth; NULL when no slot will ever come
    Column("last_slot", Instant),
    Column("last_fired_at", Instant),
    Column("catch_up", Text, nullable=False, server_default="latest"),
    Column("overlap", Text, nullable=False, server_default="allow"),
    Column("spec_version", BigInteger, nullable=False, server_default="1"),
    Column("code_version", Text),
    Column("paused_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant),  # when code last declared it
)
Index("schedules_due", schedules.c.next_slot)

fires = Table(
    "fires",
    metadata,
    Column("schedule", Text, primary_key=True),
    Column("slot", Instant, primary_key=True),
    Column("job_id", Id),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("fired_at", Instant, nullable=False),
)
# The latest fires that have a job: whether one of those is not over yet.
Index(
    "fires_fired",
    fires.c.schedule,
    fires.c.slot,
    postgresql_where=text("job_id IS NOT NULL"),
    sqlite_where=text("job_id IS NOT NULL"),
)
Index("fires_age", fires.c.fired_at)

# How long steps take, on a log scale: folded from ticks by the reaper, and only used to gate their starts.
durations = Table(
    "durations",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("histogram", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
)
