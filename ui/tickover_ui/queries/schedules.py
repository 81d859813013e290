"""Schedules with what they fired in the last day, and what they will."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, func, select

from tickover import Tickover
from tickover.app.scheduling import views
from tickover.domain.declared import ScheduleView
from tickover.domain.schedule import Schedule
from tickover.errors import ScheduleError
from tickover.store.flow_tables import fires
from tickover.store.sql_store import SqlStore
from tickover.store.tables import from_stored, jobs, stored_instant
from tickover_ui.queries.ended import QUARTER
from tickover_ui.reading import bucket, now, read, rows

AHEAD: Final = timedelta(hours=6)
_FIRES: Final = 20_000
_MOST_AHEAD: Final = 72
MOST: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """Slots of a quarter of an hour with the same end."""

    at: datetime
    #: `ran`, `failed`, `open` (its job is not over) or `omitted`.
    end: str
    count: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One schedule."""

    view: ScheduleView
    fired: list[Fired]
    #: Slots of the next six hours, at most 72.
    ahead: list[datetime]
    #: The next three, however far they are.
    following: list[datetime]

    def count(self, end: str) -> int:
        """How many slots of the last day ended so."""
        return sum(one.count for one in self.fired if one.end == end)

    @property
    def total(self) -> int:
        """Slots of the last day that produced a job."""
        return sum(one.count for one in self.fired if one.end != "omitted")

    @property
    def why_omitted(self) -> str:
        """The latest reason."""
        return next((one.reason or "" for one in reversed(self.fired) if one.end == "omitted"), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedules:
    """What the page shows."""

    now: datetime
    last_fire: datetime | None
    rows: list[Row] = field(default_factory=list)
    more: int = 0

    @property
    def next_at(self) -> datetime | None:
        """The first slot of all that is to come."""
        return min((row.view.next_at for row in self.rows if row.view.next_at and not row.view.paused), default=None)


def schedules(app: Tickover) -> Schedules:
    """Reads the page."""
    core = app._core  # noqa: SLF001  # the dashboard is an edge of the same house
    core.load()

    def work(store: SqlStore) -> Schedules:
        at = now(app, store)
        stored = {one.name: one for one in store.schedules()[1]}
        seen = views(core, at, stored)
        fired = _fired(store, at)
        last = rows(store, select(func.max(fires.c.fired_at)))[0][0]
        made = [_row(view, fired.get(view.name, []), at) for view in seen[:MOST]]
        return Schedules(now=at, last_fire=from_stored(last), rows=made, more=max(0, len(seen) - MOST))

    return read(app, work)


def _row(view: ScheduleView, fired: list[Fired], at: datetime) -> Row:
    try:
        spec = Schedule.parse(view.spec)
    except ScheduleError:  # newer code wrote it in words that this code does not know
        return Row(view=view, fired=fired, ahead=[], following=[])
    ahead: list[datetime] = []
    slot = spec.next(at)
    while slot is not None and slot <= at + AHEAD and len(ahead) < _MOST_AHEAD:
        ahead.append(slot)
        slot = spec.next(slot)
    following = ahead[:3]
    while slot is not None and len(following) < 3:
        following.append(slot)
        slot = spec.next(slot)
    return Row(view=view, fired=fired, ahead=ahead, following=following)


def _fired(store: SqlStore, at: datetime) -> dict[str, list[Fired]]:
    """By schedule, the fires of the last day in quarters of an hour, oldest first; of very many, the latest."""
    some = (
        select(fires.c.schedule, fires.c.slot, fires.c.outcome, fires.c.reason, fires.c.job_id)
        .where(fires.c.fired_at >= at - timedelta(days=1)).order_by(fires.c.fired_at.desc()).limit(_FIRES).subquery()
    )  # fmt: skip
    number = bucket(store, some.c.slot, QUARTER)
    query: Select[Any] = (
        select(some.c.schedule, some.c.outcome, jobs.c.state, func.min(some.c.slot), func.count(), func.max(some.c.reason))
        .select_from(some.outerjoin(jobs, jobs.c.id == some.c.job_id)).group_by(some.c.schedule, number, some.c.outcome, jobs.c.state)
    )  # fmt: skip
    found: dict[str, list[Fired]] = {}
    for name, outcome, state, slot, count, reason in rows(store, query):
        end = (
            "omitted"
            if outcome != "fired"
            else "failed"
            if state in ("failed", "cancelled")
            else "open"
            if state not in ("completed", None)
            else "ran"
        )
        found.setdefault(name, []).append(Fired(at=stored_instant(slot), end=end, count=count, reason=reason))
    return {name: sorted(mine, key=lambda one: one.at) for name, mine in found.items()}
