"""Who holds what until when, and what became of leases that were lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, func, or_, select

from tickover import Tickover
from tickover.store.sql_store import SqlStore
from tickover.store.tables import jobs, stored_instant, ticks
from tickover_ui.queries.ticks import Tick, between, by_ids
from tickover_ui.reading import is_state, now, read, rows

#: Rows of running jobs that are looked at: a fleet that runs more at once sees its oldest leases.
MOST: Final = 2000
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one tick holds."""

    tick: str
    jobs: int
    since: datetime
    until: datetime
    epoch: int
    queues: tuple[str, ...]
    trigger: str | None = None
    deadline: datetime | None = None

    def last_stretch(self, at: datetime) -> bool:
        """Its tick is close to its deadline, or near the end of the lease without a renewal."""
        return (self.until - at).total_seconds() < 12 or bool(
            self.deadline and (self.deadline - at).total_seconds() < 5
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """What the page shows."""

    now: datetime
    held: list[Held]
    jobs: int
    more: bool
    #: Ticks of the last day that lost a lease: what they wrote afterwards was refused.
    lost: list[Tick] = field(default_factory=list)
    #: Ticks of the last hour that took back what others lost.
    reaped: list[Tick] = field(default_factory=list)

    @property
    def over(self) -> list[Held]:
        """Those that ran out."""
        return [one for one in self.held if one.until <= self.now]


def held(store: SqlStore) -> tuple[list[Held], int]:
    """(holders, those that run out first at the top; how many running jobs were looked at)."""
    running = (
        select(jobs.c.holder, jobs.c.lease_until, jobs.c.started_at, jobs.c.epoch, jobs.c.queue)
        .where(is_state("running"))
        .limit(MOST + 1)
        .subquery()
    )
    query: Select[Any] = select(
        running.c.holder,
        running.c.queue,
        func.count(),
        func.min(running.c.started_at),
        func.min(running.c.lease_until),
        func.max(running.c.epoch),
    ).group_by(running.c.holder, running.c.queue)
    found: dict[str, list[Any]] = {}
    total = 0
    for holder, queue, count, since, until, epoch in rows(store, query):
        total += count
        mine = found.setdefault(str(holder), [0, stored_instant(since), stored_instant(until), 0, ()])
        mine[0] += count
        mine[1], mine[2], mine[3] = (
            min(mine[1], stored_instant(since)),
            min(mine[2], stored_instant(until)),
            max(mine[3], epoch),
        )
        mine[4] = (*mine[4], queue)
    known = by_ids(store, sorted(found)[: _SHOWN * 5])
    made = [
        Held(
            tick=tick, jobs=count, since=since, until=until, epoch=epoch, queues=queues,
            trigger=known[tick].trigger if tick in known else None, deadline=known[tick].deadline_at if tick in known else None,
        )
        for tick, (count, since, until, epoch, queues) in found.items()
    ]  # fmt: skip
    return sorted(made, key=lambda one: one.until), total


def leases(app: Tickover) -> Leases:
    """Reads the page."""

    def work(store: SqlStore) -> Leases:
        at = now(app, store)
        holders, total = held(store)
        recent = [tick for tick in between(store, at - timedelta(hours=1), at) if tick.reaped]
        return Leases(
            now=at, held=holders[:_SHOWN], jobs=total, more=total > MOST, lost=_lost(store, at), reaped=recent[::-1][:8]
        )

    return read(app, work)


def _lost(store: SqlStore, at: datetime) -> list[Tick]:
    """Of the newest ticks, those that lost a lease, or never ended."""
    newest = (
        select(ticks.c.id, ticks.c.lost, ticks.c.ended_at, ticks.c.deadline_at)
        .where(ticks.c.started_at >= at - timedelta(days=1))
        .order_by(ticks.c.started_at.desc())
        .limit(5000)
        .subquery()
    )
    query = (
        select(newest.c.id)
        .where(or_(newest.c.lost > 0, newest.c.ended_at.is_(None) & (newest.c.deadline_at < at)))
        .limit(8)
    )
    found = by_ids(store, [str(row[0]) for row in rows(store, query)])
    return sorted(found.values(), key=lambda tick: tick.started_at, reverse=True)
