"""What a workflow may not ask the world for: time, chance and the version of its code, the same at every replay."""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING
from uuid import UUID

from tickover.domain.checkpoint import Checkpoint
from tickover.engine.scope import check_step_name
from tickover.errors import InvalidArgument

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext


def now(ctx: JobContext) -> datetime:
    """The database's clock at the first run of this line."""
    key = ctx.scope.next("now")
    recorded = ctx.flow.journal.replayed(key, "now")
    if recorded is not None:
        return datetime.fromisoformat(json.loads(recorded.value or "null"))
    instant = ctx.flow.database_now
    ctx.flow.journal.later(Checkpoint(key=key, kind="now", value=json.dumps(instant.isoformat())))
    return instant


def dice(ctx: JobContext, name: str) -> Random:
    """A source of chance that depends on the job, its generation and how often it was asked, and on nothing else."""
    job = ctx.flow.run.job
    return Random(sha256(f"{job.id}:{job.generation}:{ctx.scope.next(name)}".encode()).digest())  # noqa: S311  # it must repeat itself


def uuid(ctx: JobContext) -> UUID:
    """A random UUID, equal at every replay."""
    return UUID(int=dice(ctx, "uuid").getrandbits(128), version=4)


def version(ctx: JobContext, change: str, oldest: int, newest: int) -> int:
    """Which way a workflow takes at a change of its code: a running one the old way, a new one the new way."""
    if oldest > newest:
        raise InvalidArgument(f"version({change!r}, oldest, newest): {oldest} is more than {newest}.")
    key = ctx.scope.next(f"version:{check_step_name(change)}")
    recorded = ctx.flow.journal.replayed(key, "version")
    chosen = json.loads(recorded.value or "null") if recorded is not None else None
    if chosen is None:
        # Steps that are recorded further on were taken by code that did not know this change.
        chosen = oldest if ctx.flow.journal.replaying else newest
        ctx.flow.journal.later(Checkpoint(key=key, kind="version", value=json.dumps(chosen)))
    if not oldest <= chosen <= newest:
        raise ctx.flow.journal.diverged(
            f"change {change!r} was taken as version {chosen}; this code knows {oldest} to {newest}."
        )
    return int(chosen)
