"""Starts ticks: from what the caller asked for and the settings to a plan, and on to the engine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from tickover.app import waking
from tickover.app.means import means
from tickover.clock import poll
from tickover.domain.budget import Budget, Window
from tickover.domain.ids import TickId, new_id
from tickover.domain.options import check_name
from tickover.domain.report import TickReport
from tickover.domain.retry import Duration, seconds
from tickover.engine.plan import Plan
from tickover.engine.running import running
from tickover.engine.tick import Tick
from tickover.engine.wake import Note
from tickover.errors import ConfigurationError, InvalidArgument, ScheduleError
from tickover.store.port import TickHead

if TYPE_CHECKING:
    from tickover.app.core import Core
    from tickover.config import Settings
    from tickover.engine.retention import Retention

_LONGEST_TURN = 10.0
_log = logging.getLogger("tickover")


def tick(
    core: Core,
    budget: Budget | Duration,
    *,
    queues: Sequence[str] | Mapping[str, int] | None,
    concurrency: int | None,
    stop: threading.Event | None,
    trigger: str,
    function: str | None = None,
    note: Note | None = None,
    price: Callable[[float], float] | None = None,
) -> TickReport:
    """See `Tickover.tick`.

    `function` is the platform's name for where this runs, `note` what the wake carried, `price` what so many seconds cost.
    """
    start = core.clock.monotonic()  # before anything is sent: the window can only be too short
    budget = budget if isinstance(budget, Budget) else Budget(budget)
    core.load()
    _refuse_inside_a_job(core, "tick")
    rooms = _rooms(core, queues, concurrency)
    settings, tick_id, note = core.settings, TickId(new_id()), note or Note()
    plan = Plan(
        head=TickHead(tick_id=tick_id, trigger=trigger, cold=not core.ticked, function=function, parent=note.parent),
        budget=budget,
        window=Window.of(budget, start=start, margin=_margin(core)),
        concurrency=_concurrency(core, rooms, concurrency, mapped=isinstance(queues, Mapping) or queues is None),
        queues=rooms,
        lease=seconds(settings.lease, "lease"),
        grace=seconds(settings.grace, "grace"),
        reap_limit=settings.reap_limit,
        code_version=settings.code_version,
        stop=stop,
        monotonic=core.clock.monotonic,
        waited=core.clock.waited,
        haunted=core.haunted,
        owner=core,
        means=partial(means, core),
        paces=core.paces,
        single_writer=core.database.dialect == "sqlite",
        transaction_timeout=seconds(settings.transaction_timeout, "transaction_timeout"),
        guard=waking.guard(core, tick_id, note),
        price=price,
    )
    if not settings.reap_limit and not core.ticked:
        _log.warning("reap_limit is 0: no tick takes back the jobs of a tick that died; only run_reaper() does.")
    core.ticked = True
    return _run(core, plan, note, rooms)


def _run(core: Core, plan: Plan, note: Note, rooms: Mapping[str, int] | None) -> TickReport:
    """Runs a plan; whatever comes up, its slots are remembered and its watchers are told."""
    with core.database.link(deadline=plan.window.end) as link:
        made = Tick(core.store(link), core.registry, core.hooks, plan)
        report = None
        try:
            report = made.run()
            waking.follow(core, made.store, report, note, rooms)
            return report
        finally:
            if made.batch.busy:
                core.left_behind.append(made.batch)
            core.hooks.watchers.ticked(plan.head.tick_id, report)


def _margin(core: Core) -> float | None:
    return None if core.settings.margin is None else seconds(core.settings.margin, "margin")


def run_reaper(core: Core, budget: Budget | Duration, *, hasty: bool = False) -> TickReport:
    """See `Tickover.run_reaper`; in haste it only mends what lets jobs run, and removes nothing."""
    from tickover.engine.reaper import Reaper

    start = core.clock.monotonic()
    budget = budget if isinstance(budget, Budget) else Budget(budget)
    core.load()
    _refuse_inside_a_job(core, "run_reaper")
    with core.database.link() as link:
        window = Window.of(budget, start=start)
        reaper = Reaper(core.store(link), TickId(new_id()), window, core.hooks, core.clock.monotonic)
        report = reaper.run(None if hasty else retention(core.settings))
    core.hooks.watchers.ticked(report.tick_id, report)
    return report


def run_scheduler(core: Core, budget: Budget | Duration) -> TickReport:
    """See `Tickover.run_scheduler`."""
    from tickover.app.scheduling import enqueuing_of
    from tickover.engine.scheduler import Scheduler

    start = core.clock.monotonic()
    budget = budget if isinstance(budget, Budget) else Budget(budget)
    core.load()
    _refuse_inside_a_job(core, "run_scheduler")
    window = Window.of(budget, start=start)
    with core.database.link(deadline=window.end) as link:
        scheduler = Scheduler(core.store(link), TickId(new_id()), window, enqueuing_of(core), core.clock.monotonic)
        try:
            return scheduler.run(core.schedules)
        finally:
            if scheduler.report.fired:
                core.woken(None)


def drain(
    core: Core,
    timeout: Duration,
    *,
    queues: Sequence[str] | Mapping[str, int] | None,
    concurrency: int | None,
) -> TickReport:
    """See `Tickover.drain`."""
    left = seconds(timeout, "timeout", least=0.05)
    end = core.clock.monotonic() + left
    total = TickReport(tick_id=new_id(), trigger="drain")
    refused: list[ScheduleError] = []
    slot: datetime | None = None
    core.load()

    def turn() -> bool | None:
        nonlocal slot
        budget = Budget(max(0.05, min(end - core.clock.monotonic(), 3600.0)))
        if core.schedules:
            try:
                fired = run_scheduler(core, budget)
                add_report(total, fired)
                slot = fired.next_due_at
            except ScheduleError as error:  # the jobs run all the same; it is raised when they did
                refused[:] = [error]
        add_report(total, run_reaper(core, budget, hasty=True))
        report = tick(core, budget, queues=queues, concurrency=concurrency, stop=None, trigger="drain")
        add_report(total, report)
        if report.more:
            return None
        # Nothing is due now. What is due before our time is over is worth waiting for: a retry, a timer, a lease; not a
        # schedule's slot, since after each comes another.
        wait = _until(core, report)
        return True if wait is None or core.clock.monotonic() + wait > end else None

    poll(turn, timeout=left, clock=core.clock)
    if refused:
        raise refused[0]
    total.next_due_at = min((at for at in (total.next_due_at, slot) if at is not None), default=None)
    total.seconds = core.clock.monotonic() - (end - left)
    return total


def retention(settings: Settings) -> Retention:
    """How long what is kept."""
    from tickover.engine.retention import Retention

    kept = ("completed", "failed", "events", "audit")
    return Retention(**{name: seconds(getattr(settings, f"retain_{name}"), f"retain_{name}") for name in kept})


def _until(core: Core, report: TickReport) -> float | None:
    """Seconds until the next due time. Two clocks may differ: an estimate for waiting, nothing is decided by it."""
    return None if report.next_due_at is None else (report.next_due_at - core.clock.now()).total_seconds()


def add_report(total: TickReport, part: TickReport) -> None:
    """Counts of `part` are added to those of `total`; what describes the end is that of `part`."""
    for name in ("claimed", "completed", "failed", "retried", "yielded", "parked", "cancelled", "lost", "reaped", "released",
                 "fired", "mended", "statements", "hook_errors"):  # fmt: skip
        setattr(total, name, getattr(total, name) + getattr(part, name))
    for queue, count in part.by_queue.items():
        total.by_queue[queue] = total.by_queue.get(queue, 0) + count
    for table, count in part.removed.items():
        total.removed[table] = total.removed.get(table, 0) + count
    total.abandoned += part.abandoned
    total.stopped_because, total.error = part.stopped_because, part.error
    total.more, total.next_due_at = part.more, part.next_due_at


def _rooms(
    core: Core, queues: Sequence[str] | Mapping[str, int] | None, concurrency: int | None
) -> dict[str, int] | None:
    """Concurrency per queue; None serves every queue."""
    if queues is None:
        return None if core.settings.queues is None else dict(core.settings.queues)
    if isinstance(queues, str):
        raise InvalidArgument(f"queues= takes a list such as [{queues!r}], or a map to concurrencies.")
    if isinstance(queues, Mapping):
        rooms = {check_name(queue, "queue"): most for queue, most in queues.items()}
    else:
        rooms = dict.fromkeys(
            (check_name(queue, "queue") for queue in queues), concurrency or core.settings.concurrency
        )
    if not rooms:
        raise InvalidArgument("queues= is empty; leave it out to serve every queue.")
    for queue, most in rooms.items():
        if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= 1000:
            raise InvalidArgument(
                f"The concurrency of queue {queue!r} must be a whole number from 1 to 1000, not {most!r}."
            )
    return rooms


def _concurrency(core: Core, rooms: Mapping[str, int] | None, asked: int | None, *, mapped: bool) -> int:
    if asked is not None:
        if isinstance(asked, bool) or not isinstance(asked, int) or not 1 <= asked <= 1000:
            raise InvalidArgument(f"concurrency= takes a whole number from 1 to 1000, not {asked!r}.")
        return asked
    # Like the sibling system's workers: each queue of a map has its own slots.
    return min(1000, sum(rooms.values())) if rooms is not None and mapped else core.settings.concurrency


def _refuse_inside_a_job(core: Core, what: str) -> None:
    context = running.get()
    if context is not None and context.owner is core:
        raise ConfigurationError(f"{what}() was called inside a job of the same application; enqueue a job instead.")
