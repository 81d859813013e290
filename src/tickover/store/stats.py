"""The system in numbers: counts, ticks, and whether it does its work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, exists, func, select, text

from tickover.domain.states import STATES
from tickover.errors import InvalidArgument
from tickover.store.limit_tables import cap_slots, caps
from tickover.store.link import Link
from tickover.store.reads import MOST_ROWS, send
from tickover.store.tables import control, from_stored, jobs, queues, tick_stats, ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """One queue in numbers."""

    name: str
    counts: Mapping[str, int]
    paused: bool = False
    reason: str | None = None
    #: When the oldest job that is due has been due since; None when none is.
    oldest_due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapView:
    """One cap in numbers."""

    key: str
    most: int
    running: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The whole system in numbers: exact counts by state, and by queue."""

    by_state: Mapping[str, int]
    queues: tuple[QueueView, ...] = ()
    #: Caps that somebody waits for or runs under, the most wanted first; at most 200.
    caps: tuple[CapView, ...] = ()
    fleet_paused: str | None = None

    @property
    def total(self) -> int:
        return sum(self.by_state.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class TickView:
    """One tick that had work."""

    id: str
    trigger: str
    started_at: datetime
    deadline_at: datetime
    ended_at: datetime | None
    stopped_because: str | None
    claimed: int
    completed: int
    failed: int
    retried: int
    yielded: int
    #: From here on None until the tick ends: nobody knows these of one that runs, or was killed.
    parked: int | None
    cancelled: int | None
    released: int | None
    lost: int | None
    reaped: int | None
    statements: int | None
    memory_mb: float | None
    #: US dollars, at least: see `TickReport.cost`.
    cost: float | None
    cold: bool
    function: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the system does its work."""

    ok: bool
    #: What is wrong, in words; empty when `ok`.
    problems: tuple[str, ...] = ()
    database: str = ""
    due: int = 0
    oldest_due_seconds: float | None = None
    expired_leases: int = 0
    dead_letters: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


def stats(link: Link, now: datetime) -> Stats:
    """Counts by state and queue, and what is paused."""
    counted = send(link, select(jobs.c.queue, jobs.c.state, func.count()).group_by(jobs.c.queue, jobs.c.state))
    ready = select(jobs.c.queue, func.min(jobs.c.run_at)).where(jobs.c.state == "pending", jobs.c.run_at <= now)
    due = {queue: at for queue, at in send(link, ready.group_by(jobs.c.queue))}  # noqa: C416  # dict() of untyped rows has no type
    paused = {row[0]: row for row in send(link, select(queues.c.name, queues.c.paused_at, queues.c.reason))}
    fleet = send(link, select(control.c.value).where(control.c.key == "ticks_paused"))
    wanted = select(func.count()).where(
        jobs.c.state == "waiting", jobs.c.wait_kind == "cap", jobs.c.wait_ref == "cap:" + caps.c.key
    )
    holds = and_(cap_slots.c.job_id == jobs.c.id, cap_slots.c.epoch == jobs.c.epoch, cap_slots.c.key == caps.c.key)
    taken = select(func.count()).select_from(cap_slots.join(jobs, holds)).where(jobs.c.state == "running")
    counts = (taken.scalar_subquery().label("taken"), wanted.scalar_subquery().label("wanted"))
    limits = send(
        link,
        select(caps.c.key, caps.c.most, *counts)
        .where(caps.c.per_ms.is_(None))
        .order_by(text("wanted DESC, taken DESC, 1"))
        .limit(200),
    )
    by_state: dict[str, int] = dict.fromkeys(STATES, 0)
    by_queue: dict[str, dict[str, int]] = {name: {} for name in paused}
    for queue, state, count in counted:
        by_state[state] += count
        by_queue.setdefault(queue, {})[state] = count
    return Stats(
        by_state=by_state,
        queues=tuple(
            QueueView(
                name=name,
                counts={**dict.fromkeys(STATES, 0), **counts},
                paused=name in paused and paused[name][1] is not None,
                reason=paused[name][2] if name in paused else None,
                oldest_due_at=from_stored(due.get(name)),
            )
            for name, counts in sorted(by_queue.items())
        ),
        caps=tuple(CapView(key=key, most=most, running=taken, waiting=wanted) for key, most, taken, wanted in limits),
        fleet_paused=fleet[0][0] if fleet else None,
    )


_SETTLED: Final = ("completed", "failed", "retried", "yielded")
_KNOWN_AT_END: Final = ("parked", "cancelled", "released", "lost", "reaped", "statements")


def recent_ticks(link: Link, limit: int = 50) -> list[TickView]:
    """The latest ticks that had work, newest first."""
    if not 1 <= limit <= MOST_ROWS:
        raise InvalidArgument(f"limit= takes 1 to {MOST_ROWS}, not {limit!r}.")
    columns = [ticks.c[name] for name in TickView.__slots__]
    rows = send(link, select(*columns).order_by(ticks.c.started_at.desc(), ticks.c.id.desc()).limit(limit))
    found = [dict(zip(TickView.__slots__, row, strict=True)) for row in rows]
    so_far = _settled_so_far(link, [row["id"] for row in found if row["ended_at"] is None])
    for row in found:
        row["id"], row["cold"], row["parent"] = str(row["id"]), bool(row["cold"]), row["parent"] and str(row["parent"])
        if row["ended_at"] is None:
            row |= {**dict.fromkeys(_SETTLED, 0), **dict.fromkeys(_KNOWN_AT_END), **so_far.get(row["id"], {})}
        for name in ("started_at", "deadline_at", "ended_at"):
            row[name] = from_stored(row[name])
    return [TickView(**row) for row in found]


def _settled_so_far(link: Link, ids: list[Any]) -> dict[str, dict[str, int]]:
    """What ticks without an end have settled: that was counted with each settle, not at the end."""
    if not ids:
        return {}
    sums = [func.sum(tick_stats.c[name]) for name in _SETTLED]
    rows = send(
        link, select(tick_stats.c.tick_id, *sums).where(tick_stats.c.tick_id.in_(ids)).group_by(tick_stats.c.tick_id)
    )
    return {str(row[0]): {name: int(n) for name, n in zip(_SETTLED, row[1:], strict=True)} for row in rows}


def health(link: Link, now: datetime, *, patience: float, missed: Mapping[str, int]) -> Health:
    """Looks for what a tick should have done long ago: due jobs older than `patience` seconds, leases long expired.

    Args:
        link: where to look.
        now: the database's time.
        patience: seconds.
        missed: how many slots schedules have missed, by name.
    """
    ready = and_(
        jobs.c.state == "pending",
        jobs.c.run_at <= now,
        jobs.c.queue.notin_(select(queues.c.name).where(queues.c.paused_at.is_not(None))),
    )
    due, oldest = send(link, select(func.count(), func.min(jobs.c.run_at)).where(ready))[0]
    expired, longest = send(
        link,
        select(func.count(), func.min(jobs.c.lease_until)).where(jobs.c.state == "running", jobs.c.lease_until < now),
    )[0]
    late = send(
        link, select(func.count()).where(jobs.c.state == "waiting", jobs.c.run_at < now - timedelta(seconds=patience))
    )[0][0]
    dead = send(link, select(func.count()).select_from(jobs).where(jobs.c.state == "failed"))[0][0]
    waited = (now - o).total_seconds() if (o := from_stored(oldest)) else None
    overdue = (now - x).total_seconds() if (x := from_stored(longest)) else 0.0
    paused = bool(send(link, select(exists().where(control.c.key == "ticks_paused")))[0][0])
    problems = []
    if waited is not None and waited > patience and not paused:
        problems.append(f"{due} jobs are due, the oldest for {waited:.0f} s: no tick takes them.")
    if overdue > patience:
        problems.append(f"{expired} leases ran out, the oldest {overdue:.0f} s ago: nothing reaps them.")
    if late and not paused:
        problems.append(f"{late} waiting jobs were to go on more than {patience:.0f} s ago: no tick wakes them.")
    for name, slots in missed.items():
        problems.append(
            f"Schedule {name!r} is overdue by {slots} slot{'' if slots == 1 else 's'}: no scheduler fires it."
        )
    return Health(
        ok=not problems,
        problems=tuple(problems),
        database=link.dialect,
        due=due,
        oldest_due_seconds=waited,
        expired_leases=expired,
        dead_letters=dead,
        facts={"fleet_paused": paused, "overdue_schedules": dict(missed)},
    )
