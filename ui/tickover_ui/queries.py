"""What the pages read: bounded counts, roll-ups and short lists, in a constant number of statements a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Select, func, literal, select

from tickover import Tickover
from tickover.domain.ids import TickId, new_id
from tickover.store import reads, stats
from tickover.store.sql_store import SqlStore
from tickover.store.tables import control, events, from_stored, job_data, jobs, queues, stored_instant, tick_stats
from tickover_ui.causes import Cause, Death, causes
from tickover_ui.words import MOST

T = TypeVar("T")
_TIMEOUT: Final = "3s"
_MINUTES: Final = 60
_DEAD: Final = 1000
#: States that an index counts. Of the others an exact count would read the whole table.
COUNTED: Final = ("pending", "running", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What ended in one minute."""

    at: datetime
    completed: int = 0
    retried: int = 0
    failed: int = 0


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


def read(app: Tickover, work: Callable[[SqlStore], T]) -> T:
    """Does `work` in a transaction that cannot write and that ends by itself: a page must not hurt the database."""

    def bounded(store: SqlStore) -> T:
        if store.link.dialect == "sqlite":
            return work(store)
        with store.link.transaction():
            store.link.query("SET TRANSACTION READ ONLY", {})
            store.link.query(f"SET LOCAL statement_timeout = '{_TIMEOUT}'", {})
            return work(store)

    return app._core.do(bounded)  # noqa: SLF001  # the dashboard is an edge of the same house


def now(app: Tickover, store: SqlStore) -> datetime:
    """The database's time."""
    return reads.now(store.link, app._core.clock)  # noqa: SLF001  # on SQLite the application's clock is the database's


def counts(store: SqlStore) -> dict[str, int]:
    """Jobs by state, for the states that are cheap to count; what is beyond the bound is one more than it."""
    capped = [
        select(literal(state), func.count()).select_from(
            select(literal(1)).where(jobs.c.state == state).limit(MOST + 1).subquery()
        )
        for state in COUNTED
    ]
    return {state: reads.send(store.link, query)[0][1] for state, query in zip(COUNTED, capped, strict=True)}


def overview(app: Tickover) -> Overview:
    """Reads the first page."""

    def work(store: SqlStore) -> Overview:
        at = now(app, store)
        due = store.due(TickId(new_id()), None)
        ended = _ended(store, at)
        paused = {name: reason for name, reason in reads.send(store.link, _PAUSED)}  # noqa: C416  # dict() of untyped rows has no type
        fleet = reads.send(store.link, select(control.c.value).where(control.c.key == "ticks_paused"))
        return Overview(
            now=at,
            dialect=store.link.dialect,
            counts=counts(store),
            oldest_due=due.at if due.now else None,
            next_due=None if due.now else due.at,
            fleet_paused=fleet[0][0] if fleet else None,
            minutes=_by_minute(ended, at),
            queues=[
                QueueRow(
                    name=name, paused=name in paused, reason=paused.get(name),
                    minutes=_by_minute([row for row in ended if row[1] == name], at),
                )
                for name in sorted({*paused, *(row[1] for row in ended)})
            ],
            holders=_holders(store),
            ticks=stats.recent_ticks(store.link, 8),
            happened=_happened(store),
        )  # fmt: skip

    return read(app, work)


def pulse(app: Tickover) -> int:
    """The number of the latest event; 0 when there is none."""
    return int(read(app, lambda store: reads.send(store.link, select(func.max(events.c.seq))))[0][0] or 0)


def dead(app: Tickover) -> tuple[datetime, list[Cause], bool]:
    """The database's time, the causes of the newest dead letters, and whether there are more than were looked at."""
    query = (
        select(jobs.c.id, jobs.c.kind, jobs.c.queue, jobs.c.finished_at, job_data.c.error, job_data.c.error_kind)
        .join(job_data, job_data.c.job_id == jobs.c.id)
        .where(jobs.c.state == "failed")
        .order_by(jobs.c.id.desc())
        .limit(_DEAD + 1)
    )

    def work(store: SqlStore) -> tuple[datetime, list[Cause], bool]:
        rows = reads.send(store.link, query)
        deaths = [
            Death(job_id=str(id_), kind=kind, queue=queue, at=stored_instant(at), error=store.shown(str(id_), "error", error) or "", error_kind=error_kind or "")
            for id_, kind, queue, at, error, error_kind in rows[:_DEAD]
        ]  # fmt: skip
        return now(app, store), causes(deaths), len(rows) > _DEAD

    return read(app, work)


_PAUSED: Final = select(queues.c.name, queues.c.reason).where(queues.c.paused_at.is_not(None))


def _ended(store: SqlStore, at: datetime) -> list[Any]:
    """(minute, queue, completed, retried, failed) of the last hour, from the ticks' roll-ups."""
    columns = tick_stats.c
    query: Select[Any] = (
        select(
            columns.minute,
            columns.queue,
            func.sum(columns.completed),
            func.sum(columns.retried),
            func.sum(columns.failed),
        )
        .where(columns.minute >= at - timedelta(minutes=_MINUTES))
        .group_by(columns.minute, columns.queue)
    )
    return [(stored_instant(row[0]), row[1], *map(int, row[2:])) for row in reads.send(store.link, query)]


def _by_minute(ended: list[Any], at: datetime) -> list[Minute]:
    """Every minute of the last hour, those without work too: a gap is a gap and no slope."""
    completed, retried, failed = Counter[datetime](), Counter[datetime](), Counter[datetime]()
    for minute, _, *numbers in ended:
        for counter, n in zip((completed, retried, failed), numbers, strict=True):
            counter[minute] += n
    last = at.replace(second=0, microsecond=0)
    return [
        Minute(at=one, completed=completed[one], retried=retried[one], failed=failed[one])
        for one in (last - timedelta(minutes=back) for back in range(_MINUTES - 1, -1, -1))
    ]


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
