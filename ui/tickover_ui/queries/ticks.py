"""Ticks of a stretch of time, with what each packed; and what happened inside of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Select, case, cast, func, literal, select

from tickover import Tickover
from tickover.store.sql_store import SqlStore
from tickover.store.tables import events, from_stored, stored_instant, tick_stats, ticks
from tickover_ui.queries.ended import Quarter, quarters
from tickover_ui.reading import now, read, rows

_COLUMNS: Final = (
    ticks.c.id, ticks.c.function, ticks.c.trigger, ticks.c.parent, ticks.c.cold, ticks.c.started_at, ticks.c.deadline_at, ticks.c.ended_at,
    ticks.c.stopped_because, ticks.c.claimed, ticks.c.parked, ticks.c.cancelled, ticks.c.lost, ticks.c.reaped, ticks.c.released,
    ticks.c.statements, ticks.c.cost, ticks.c.memory_mb,
)  # fmt: skip
_SUMS: Final = ("completed", "failed", "retried", "yielded", "run_ms", "wait_ms")
MOST_TICKS: Final = 400
#: The longest that a Lambda function may run: a tick that began earlier has ended.
LONGEST: Final = timedelta(minutes=15)
_EVENTS: Final = 20_000
#: Events that end a run.
ENDS: Final = (
    "JobCompleted",
    "JobFailed",
    "JobRetrying",
    "JobYielded",
    "JobWaiting",
    "JobCancelled",
    "JobReclaimed",
    "JobPaused",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One invocation that had work. What it settled is counted with each settle: also of one that never ended."""

    id: str
    function: str | None
    trigger: str
    parent: str | None
    cold: bool
    started_at: datetime
    deadline_at: datetime
    ended_at: datetime | None
    stopped_because: str | None
    claimed: int
    parked: int
    cancelled: int
    lost: int
    reaped: int
    released: int
    statements: int
    memory_mb: float | None
    #: In dollars, where the platform has a price.
    cost: float | None = None
    completed: int = 0
    failed: int = 0
    retried: int = 0
    yielded: int = 0
    run_ms: int = 0
    wait_ms: int = 0
    queues: tuple[str, ...] = ()

    def live(self, at: datetime) -> bool:
        """It has not ended, and may still."""
        return self.ended_at is None and at <= self.deadline_at

    def crashed(self, at: datetime) -> bool:
        """Its deadline is over, and it never said that it ended."""
        return self.ended_at is None and at > self.deadline_at

    def until(self, at: datetime) -> datetime:
        """Where its bar ends: of one that never ended, nobody knows; its deadline is the latest."""
        return self.ended_at or min(at, self.deadline_at)

    @property
    def unspent(self) -> float:
        """Seconds of its budget that it did not need."""
        return max(0.0, (self.deadline_at - (self.ended_at or self.deadline_at)).total_seconds())

    @property
    def use(self) -> float:
        """The share of its budget that it lasted."""
        budget = (self.deadline_at - self.started_at).total_seconds()
        return 1 - self.unspent / budget if budget > 0 else 0.0

    @property
    def near_deadline(self) -> bool:
        return self.stopped_because == "deadline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One job inside a tick."""

    job_id: str
    kind: str
    start: datetime
    end: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """What the page shows."""

    now: datetime
    since: datetime
    until: datetime
    ticks: list[Tick]
    more: bool
    day: list[Quarter]
    chosen: Tick | None
    runs: list[Run] = field(default_factory=list)


def read_ticks(app: Tickover, *, until: datetime | None, minutes: int, chosen: str | None) -> Ticks:
    """Ticks that began in the stretch; the chosen one, or the latest, with its jobs."""

    def work(store: SqlStore) -> Ticks:
        at = now(app, store)
        end = min(until, at) if until else at
        start = end - timedelta(minutes=minutes)
        found = between(store, start, end)
        one = next((tick for tick in found if tick.id == chosen), None) or (by_id(store, chosen) if chosen else None)
        one = one or (found[-1] if found else None)
        return Ticks(
            now=at, since=start, until=end, ticks=found[-MOST_TICKS:], more=len(found) > MOST_TICKS,
            day=quarters(app, store, at), chosen=one, runs=runs_of(store, one, at) if one else [],
        )  # fmt: skip

    return read(app, work)


def between(store: SqlStore, start: datetime, end: datetime) -> list[Tick]:
    """Ticks that began in a stretch, oldest first; of too many, the latest."""
    query = (
        select(*_COLUMNS).where(ticks.c.started_at >= start, ticks.c.started_at <= end)
        .order_by(ticks.c.started_at.desc(), ticks.c.id.desc()).limit(MOST_TICKS + 1)
    )  # fmt: skip
    found = rows(store, query)[::-1]
    first = stored_instant(found[0][5]) if found else end
    settled = _settled(store, tick_stats.c.minute >= first - timedelta(minutes=1), tick_stats.c.minute <= end + LONGEST)
    return [_tick(row, settled) for row in found]


def by_ids(store: SqlStore, ids: list[str]) -> dict[str, Tick]:
    """Ticks by id, without what they settled."""
    found = rows(store, select(*_COLUMNS).where(ticks.c.id.in_(ids))) if ids else []
    return {str(row[0]): _tick(row, {}) for row in found}


def by_id(store: SqlStore, tick_id: str) -> Tick | None:
    """One tick, also one that is not in the stretch."""
    found = rows(store, select(*_COLUMNS).where(ticks.c.id == tick_id))
    return _tick(found[0], _settled(store, tick_stats.c.tick_id == tick_id)) if found else None


def _tick(row: Any, settled: Mapping[str, Mapping[str, Any]]) -> Tick:
    names = [column.name for column in _COLUMNS]
    values = dict(zip(names, row, strict=True))
    values |= {
        "id": str(values["id"]),
        "parent": values["parent"] and str(values["parent"]),
        "cold": bool(values["cold"]),
    }
    values |= {name: from_stored(values[name]) for name in ("started_at", "deadline_at", "ended_at")}
    return Tick(**values, **settled.get(values["id"], {}))


def _settled(store: SqlStore, *where: Any) -> dict[str, dict[str, Any]]:
    """What ticks settled, from the roll-ups."""
    sums = [func.sum(tick_stats.c[name]) for name in _SUMS]
    query: Select[Any] = (
        select(tick_stats.c.tick_id, tick_stats.c.queue, *sums)
        .where(*where)
        .group_by(tick_stats.c.tick_id, tick_stats.c.queue)
    )
    found: dict[str, dict[str, Any]] = {}
    for id_, queue, *numbers in rows(store, query):
        one = found.setdefault(str(id_), {**dict.fromkeys(_SUMS, 0), "queues": ()})
        for name, number in zip(_SUMS, numbers, strict=True):
            one[name] += int(number)
        one["queues"] = (*one["queues"], queue)
    return found


def runs_of(store: SqlStore, tick: Tick, at: datetime) -> list[Run]:
    """The jobs of a tick with their times, from its events; empty where no events are kept."""
    slack = timedelta(seconds=2)  # the clock of an event is that of its statement, its number that of its row
    start, end = tick.started_at - slack, (tick.ended_at or min(at, tick.deadline_at + timedelta(seconds=5))) + slack
    if store.link.dialect == "sqlite":
        within = (events.c.seq >= _seq_at("first", start), events.c.seq <= _seq_at("last", end))
    else:
        within = (events.c.at >= start, events.c.at <= end)
    columns = (
        events.c.seq,
        events.c.tick_id,
        events.c.job_id,
        events.c.kind,
        events.c.type,
        events.c.at,
        events.c.data,
    )
    stretch = select(*columns).where(*within).order_by(events.c.seq).limit(_EVENTS).subquery()
    query = select(stretch).where(stretch.c.tick_id == tick.id).order_by(stretch.c.seq).limit(2000)
    begun: dict[str, tuple[str, datetime]] = {}
    made: list[Run] = []
    for _, _, id_, kind, type_, stored, data in rows(store, query):
        job_id, when = str(id_), stored_instant(stored)
        if type_ == "JobStarted":
            begun[job_id] = (kind, when)
        elif type_ in ENDS and job_id in begun:
            start = begun.pop(job_id)[1]
            took = store.open_event(job_id, _said(data)).get("duration") if type_ == "JobCompleted" else None
            # It was claimed before it ran; where its run was measured, that is shown.
            made.append(
                Run(
                    job_id=job_id,
                    kind=kind,
                    start=max(start, when - timedelta(seconds=took)) if took is not None else start,
                    end=when,
                    outcome=type_,
                )
            )
    made += [Run(job_id=id_, kind=kind, start=start, end=None, outcome="") for id_, (kind, start) in begun.items()]
    return sorted(made, key=lambda run: run.start)


def _said(data: str | None) -> dict[str, Any]:
    import json

    return json.loads(data) if data else {}


def _seq_at(name: str, at: datetime) -> Any:
    """The number of the first event at an instant or after it, found by halving: SQLite needs no index of a hot table for it."""
    walk = select(
        cast(select(func.min(events.c.seq)).scalar_subquery(), BigInteger).label("lo"),
        cast(select(func.max(events.c.seq)).scalar_subquery(), BigInteger).label("hi"),
    ).cte(name, recursive=True)
    middle = (walk.c.lo + walk.c.hi) // 2
    probe = select(events.c.at).where(events.c.seq >= middle).order_by(events.c.seq).limit(1).scalar_subquery()
    walk = walk.union_all(
        select(case((probe < at, middle + 1), else_=walk.c.lo), case((probe < at, walk.c.hi), else_=middle)).where(
            walk.c.lo < walk.c.hi
        )
    )
    return select(func.coalesce(func.min(walk.c.hi), literal(0))).scalar_subquery()
