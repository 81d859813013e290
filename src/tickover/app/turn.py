"""One turn of everything that time starts: scheduler, reaper and jobs, in one budget. What every edge calls."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from tickover.app import Tickover, ticking
from tickover.app.ticking import add_report
from tickover.clock import SystemClock
from tickover.domain.budget import Budget
from tickover.domain.ids import new_id
from tickover.domain.report import TickReport
from tickover.engine.wake import Note
from tickover.errors import ScheduleError, StorageUnavailable

Part: TypeAlias = Literal["jobs", "scheduler", "reaper"]


def turn(
    jobs: Tickover,
    budget: Budget,
    *,
    only: Part | None = None,
    stop: threading.Event | None = None,
    trigger: str = "call",
    note: Note | None = None,
    queues: Sequence[str] | Mapping[str, int] | None = None,
    concurrency: int | None = None,
) -> TickReport:
    """Fires what is due by schedule, takes back lost jobs, and runs what is due, all within `budget`.

    Args:
        jobs: the application.
        budget: for all of it.
        only: this part alone.
        stop: set it to end the turn gracefully.
        trigger: what started it, for the tick's row.
        note: what the wake carried, if one did.
        queues: of the tick.
        concurrency: of the tick.

    Returns:
        The report of the last part, with the counts of those before it. `next_due_at` may be a schedule's next slot.
        `error` says what could not be done: see `check`.

    Raises:
        StorageUnavailable, MigrationRequired: before anything was claimed.
    """
    core = jobs._core  # noqa: SLF001  # a wake's note is no part of the public tick
    clock = SystemClock()
    start = clock.monotonic()
    done: list[TickReport] = []
    slot: datetime | None = None
    refused: ScheduleError | None = None
    if only in (None, "scheduler"):
        try:
            done.append(jobs.run_scheduler(budget))
            slot = done[-1].next_due_at
        except ScheduleError as error:  # one that the code does not know: no reason to run no jobs
            refused = error
    if only in (None, "reaper") and not _stopped(stop):
        done.append(jobs.run_reaper(_left(budget, clock.monotonic() - start)))
    if only in (None, "jobs") and not _stopped(stop):
        left = _left(budget, clock.monotonic() - start)
        done.append(
            ticking.tick(core, left, queues=queues, concurrency=concurrency, stop=stop, trigger=trigger, note=note)
        )
    total = _summed(done, trigger)
    total.seconds = clock.monotonic() - start
    # What the reaper said of jobs is out of date; the next slot is not.
    total.next_due_at = min((at for at in (slot, total.next_due_at) if at is not None), default=None)
    if refused is not None and total.error is None:
        total.error = str(refused)
    return total


def check(report: TickReport) -> None:
    """Raises what a turn's report says went wrong, for callers who answer by it.

    Raises:
        StorageUnavailable: the database went away in the middle.
        ScheduleError: a schedule could not be fired; everything else was done.
    """
    if report.stopped_because == "error":
        raise StorageUnavailable(report.error)
    if report.error is not None:
        raise ScheduleError(report.error)


def _stopped(stop: threading.Event | None) -> bool:
    return stop is not None and stop.is_set()


def _left(budget: Budget, spent: float) -> Budget:
    return Budget(max(0.05, budget.seconds - spent), max_jobs=budget.max_jobs, margin=budget.margin)


def _summed(parts: list[TickReport], trigger: str) -> TickReport:
    last = parts[-1] if parts else TickReport(tick_id=new_id())
    total = TickReport(tick_id=last.tick_id, trigger=last.trigger if len(parts) == 1 else trigger, cold=last.cold)
    for part in parts:
        add_report(total, part)
    return total
