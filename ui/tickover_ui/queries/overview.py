"""The first page: bounded counts, roll-ups and short lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from tickover import Tickover
from tickover.domain.ids import TickId, new_id
from tickover.store import reads, stats
from tickover.store.sql_store import SqlStore
from tickover.store.tables import control, events, from_stored, jobs, queues, stored_instant
from tickover_ui.queries.ended import Minute, by_minute, by_queue
from tickover_ui.reading import counts, now, read


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """One queue in the last hour."""

    name: str
    paused: bool
    reason: str | None
    minutes: list[Minute] = field(default_factory=list)

    @property
    def completed(self) -> int:
        return sum(minute.completed for minute in self.minutes)

    @property
    def failed(self) -> int:
        return sum(minute.failed for minute in self.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A tick that holds leases."""

    tick: str
    jobs: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event in a line."""

    seq: int
    at: datetime
    type: str
    job_id: str | None
    kind: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that the first page shows."""

    now: datetime
    dialect: str
    counts: dict[str, int]
    oldest_due: datetime | None
    next_due: datetime | None
    fleet_paused: str | None
    minutes: list[Minute]
    queues: list[QueueRow]
    holders: list[Holder]
    ticks: list[stats.TickView]
    happened: list[Happened]


def overview(app: Tickover) -> Overview:
    """Reads the first page."""

    def work(store: SqlStore) -> Overview:
        at = now(app, store)
        due = store.due(TickId(new_id()), None)
        ended = by_queue(store, at)
        paused = {name: reason for name, reason in reads.send(store.link, _PAUSED)}  # noqa: C416  # dict() of untyped rows has no type
        fleet = reads.send(store.link, select(control.c.value).where(control.c.key == "ticks_paused"))
        return Overview(
            now=at,
            dialect=store.link.dialect,
            counts=counts(store),
            oldest_due=due.at if due.now else None,
            next_due=None if due.now else due.at,
            fleet_paused=fleet[0][0] if fleet else None,
            minutes=by_minute(ended, at),
            queues=[
                QueueRow(
                    name=name, paused=name in paused, reason=paused.get(name),
                    minutes=by_minute([row for row in ended if row[1] == name], at),
                )
                for name in sorted({*paused, *(row[1] for row in ended)})
            ],
            holders=_holders(store),
            ticks=stats.recent_ticks(store.link, 8),
            happened=_happened(store),
        )  # fmt: skip

    return read(app, work)


_PAUSED: Final = select(queues.c.name, queues.c.reason).where(queues.c.paused_at.is_not(None))


def _holders(store: SqlStore) -> list[Holder]:
    query = (
        select(jobs.c.holder, func.count(), func.min(jobs.c.lease_until))
        .where(jobs.c.state == "running")
        .group_by(jobs.c.holder)
        .order_by(func.min(jobs.c.lease_until))
        .limit(6)
    )
    return [
        Holder(tick=str(holder), jobs=count, until=stored_instant(until))
        for holder, count, until in reads.send(store.link, query)
    ]


def _happened(store: SqlStore) -> list[Happened]:
    columns = (events.c.seq, events.c.at, events.c.type, events.c.job_id, events.c.kind)
    rows = reads.send(store.link, select(*columns).order_by(events.c.seq.desc()).limit(12))
    return [
        Happened(
            seq=seq, at=from_stored(at) or stored_instant(at), type=type_, job_id=job_id and str(job_id), kind=kind
        )
        for seq, at, type_, job_id, kind in rows
    ]
