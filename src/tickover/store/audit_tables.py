"""The audit log: who changed what, and why; see `tickover.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text

from tickover.store.columns import Id, Instant, metadata

# A row is written with what it tells of, and never changed. It outlives the job: so names, and no foreign keys.
audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),  # a UUIDv7: pages go by it, the newest first
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("role", Text, nullable=False, server_default=""),
    Column("address", Text, nullable=False, server_default=""),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False, server_default=""),
    Column("count", Integer, nullable=False, server_default="1"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("result", Text, nullable=False, server_default=""),
)
Index("audit_at", audit.c.at)
Index("audit_target", audit.c.target, audit.c.id)
