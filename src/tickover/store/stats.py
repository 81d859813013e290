"""The system in numbers: counts, ticks, and whether it does its work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, select

from tickover.domain.states import STATES
from tickover.store.link import Link
from tickover.store.reads import send
from tickover.store.tables import control, from_stored, jobs, queues, ticks


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
class Stats:
    """The whole system in numbers: exact counts by state, and by queue."""

    by_state: Mapping[str, int]
    queues: tuple[QueueView, ...] = ()
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
    released: int
    lost: int
    reaped: int
    statements: int
    memory_mb: float | None
    cold: bool


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
        fleet_paused=fleet[0][0] if fleet else None,
    )


def recent_ticks(link: Link, limit: int = 50) -> list[TickView]:
    """The latest ticks that had work, newest first."""
    columns = [ticks.c[name] for name in TickView.__slots__]
    rows = send(link, select(*columns).order_by(ticks.c.started_at.desc(), ticks.c.id.desc()).limit(limit))
    made = []
    for row in rows:
        values = dict(zip(TickView.__slots__, row, strict=True))
        values["id"], values["cold"] = str(values["id"]), bool(values["cold"])
        for name in ("started_at", "deadline_at", "ended_at"):
            values[name] = from_stored(values[name])
        made.append(TickView(**values))
    return made


def health(link: Link, now: datetime, *, patience: float) -> Health:
    """Looks for what a tick should have done long ago: due jobs older than `patience` seconds, leases long expired."""
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
    dead = send(link, select(func.count()).select_from(jobs).where(jobs.c.state == "failed"))[0][0]
    waited = (now - o).total_seconds() if (o := from_stored(oldest)) else None
    overdue = (now - x).total_seconds() if (x := from_stored(longest)) else 0.0
    paused = bool(send(link, select(exists().where(control.c.key == "ticks_paused")))[0][0])
    problems = []
    if waited is not None and waited > patience and not paused:
        problems.append(f"{due} jobs are due, the oldest for {waited:.0f} s: no tick takes them.")
    if overdue > patience:
        problems.append(f"{expired} leases ran out, the oldest {overdue:.0f} s ago: nothing reaps them.")
    return Health(
        ok=not problems,
        problems=tuple(problems),
        database=link.dialect,
        due=due,
        oldest_due_seconds=waited,
        expired_leases=expired,
        dead_letters=dead,
        facts={"fleet_paused": paused},
    )
