"""Queues: what waits in each, what each finishes, what holds it back; in a number of statements that does not grow with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, case, func, literal, select

from tickover import Tickover
from tickover.clock import millis
from tickover.store.limit_tables import cap_slots, caps, rate_windows
from tickover.store.sql_store import SqlStore
from tickover.store.tables import from_stored, jobs, queues
from tickover_ui.queries.ended import Minute, Quarter, by_minute, by_queue, quarters
from tickover_ui.reading import is_state, now, read, rows
from tickover_ui.words import MOST

MINUTES: Final = 30
_RUNNING: Final = 5000
_LIMITS: Final = 50
MOST_LANES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One queue."""

    name: str
    paused_at: datetime | None
    paused_by: str | None
    reason: str | None
    #: Of the first 10,001 pending jobs: how many are due, how many will be, and since when the oldest is.
    due: int
    later: int
    oldest: datetime | None
    running: int
    #: How many of it one tick runs at once; None where nothing was said.
    room: int | None
    minutes: list[Minute]

    @property
    def capped(self) -> bool:
        """There are more pending jobs than were looked at."""
        return self.due + self.later > MOST

    @property
    def pace(self) -> float:
        """Runs that ended in a minute, on average over the last five whole ones."""
        recent = self.minutes[-6:-1]
        return sum(minute.completed + minute.failed for minute in recent) / len(recent) if recent else 0.0

    @property
    def clears_in(self) -> float | None:
        """Seconds until what is due has run at this pace; None when it will not."""
        return (
            None if self.paused_at or (self.due and not self.pace) else 60 * self.due / self.pace if self.due else 0.0
        )

    @property
    def finished(self) -> int:
        return sum(minute.completed + minute.failed for minute in self.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A cap or a rate."""

    key: str
    most: int
    per_ms: int | None
    used: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """What the page shows."""

    now: datetime
    lanes: list[Lane]
    day: list[Quarter]
    limits: list[Limit] = field(default_factory=list)
    fleet_paused: bool = False


def read_queues(app: Tickover) -> Queues:
    """Reads the page."""
    rooms = app.settings.queues or {}

    def work(store: SqlStore) -> Queues:
        at = now(app, store)
        day = quarters(app, store, at)
        return Queues(
            now=at, day=day, lanes=lanes(store, at, {one.queue for one in day}, rooms), limits=_limits(store, at)
        )

    return read(app, work)


def lanes(store: SqlStore, at: datetime, seen: set[str], rooms: Any) -> list[Lane]:
    """Every queue that has jobs to run, had some lately, or is known by name."""
    known = {
        row[0]: row
        for row in rows(store, select(queues.c.name, queues.c.paused_at, queues.c.paused_by, queues.c.reason))
    }
    ended = by_queue(store, at, MINUTES)
    running = _running(store)
    names = sorted({*known, *seen, *running, *rooms, *(row[1] for row in ended), *_waiting_in(store)})[:MOST_LANES]
    depths = _depths(store, names, at)
    return [
        Lane(
            name=name, paused_at=from_stored(known[name][1]) if name in known else None, paused_by=known[name][2] if name in known else None,
            reason=known[name][3] if name in known else None, due=depths[name][0], later=depths[name][1], oldest=depths[name][2],
            running=running.get(name, 0), room=rooms.get(name), minutes=by_minute([row for row in ended if row[1] == name], at, MINUTES),
        )
        for name in names
    ]  # fmt: skip


def _waiting_in(store: SqlStore) -> list[str]:
    """The queues of pending jobs: a walk over the claim's index from one name to the next."""
    first = select(func.min(jobs.c.queue).label("queue")).where(is_state("pending")).cte("walk", recursive=True)
    following = (
        select(func.min(jobs.c.queue)).where(is_state("pending"), jobs.c.queue > first.c.queue).scalar_subquery()
    )
    walk = first.union_all(select(following).where(first.c.queue.is_not(None)))
    return [row[0] for row in rows(store, select(walk.c.queue).where(walk.c.queue.is_not(None)).limit(500))]


def _running(store: SqlStore) -> dict[str, int]:
    some = select(jobs.c.queue).where(is_state("running")).limit(_RUNNING).subquery()
    found: Select[Any] = select(some.c.queue, func.count()).group_by(some.c.queue)
    return {queue: count for queue, count in rows(store, found)}  # noqa: C416  # dict() of untyped rows has no type


def _depths(store: SqlStore, names: Sequence[str], at: datetime) -> dict[str, tuple[int, int, datetime | None]]:
    """(due, later, the oldest that is due) of each queue, one statement for all of them."""
    parts = []
    for name in names:
        some = select(jobs.c.run_at).where(is_state("pending"), jobs.c.queue == name).limit(MOST + 1).subquery()
        is_due = some.c.run_at <= at
        parts.append(
            select(
                literal(name),
                func.count(),
                func.coalesce(func.sum(case((is_due, 1), else_=0)), 0),
                func.min(case((is_due, some.c.run_at))),
            )
        )
    if not parts:
        return {}
    query: Any = parts[0].union_all(*parts[1:]) if len(parts) > 1 else parts[0]
    return {
        name: (int(due), int(total) - int(due), from_stored(oldest)) for name, total, due, oldest in rows(store, query)
    }


def _limits(store: SqlStore, at: datetime) -> list[Limit]:
    """Caps and rates with what uses them now, the most wanted first."""
    wanted = (
        select(func.count())
        .where(
            is_state("waiting"),
            jobs.c.wait_kind == literal("cap", literal_execute=True),
            jobs.c.wait_ref == "cap:" + caps.c.key,
        )
        .scalar_subquery()
    )
    taken = (
        select(func.count()).select_from(cap_slots.join(jobs, (cap_slots.c.job_id == jobs.c.id) & (cap_slots.c.epoch == jobs.c.epoch)))
        .where(cap_slots.c.key == caps.c.key, is_state("running")).scalar_subquery()
    )  # fmt: skip
    window = literal(millis(at)) // caps.c.per_ms
    spent = (
        select(func.sum(rate_windows.c.used))
        .where(rate_windows.c.key == caps.c.key, rate_windows.c.number == window)
        .scalar_subquery()
    )
    query: Select[Any] = (
        select(caps.c.key, caps.c.most, caps.c.per_ms, case((caps.c.per_ms.is_(None), taken), else_=spent), wanted)
        .order_by(caps.c.key)
        .limit(_LIMITS)
    )
    made = [
        Limit(key=key, most=most, per_ms=per, used=int(used or 0), held=held)
        for key, most, per, used, held in rows(store, query)
    ]
    return sorted(made, key=lambda one: (-one.held, -one.used, one.key))
