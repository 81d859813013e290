"""The tables of caps and rates, each with its reasons; see `tickover.store.tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from tickover.store.columns import Id, Instant, metadata

# Locked in key order before any job; `per_ms` is NULL for a cap.
caps = Table(
    "caps",
    metadata,
    Column("key", Text, primary_key=True),
    Column("most", Integer, nullable=False),
    Column("per_ms", BigInteger),
)

# A place counts while its job runs under this epoch, or is pending and the promise has not expired (0019).
cap_slots = Table(
    "cap_slots",
    metadata,
    Column("key", Text, primary_key=True),
    Column("job_id", Id, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", Instant),
    Column("promised", BigInteger),  # the window of a rate in which the job has a place; NULL for a cap
)
Index("cap_slots_job", cap_slots.c.job_id)

rate_windows = Table(
    "rate_windows",
    metadata,
    Column("key", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("used", Integer, nullable=False),
)
