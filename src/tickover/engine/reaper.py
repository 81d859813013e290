"""The reaper: a timed function of its own, so that nothing waits for the next tick to be taken back."""

from __future__ import annotations

from collections.abc import Callable

from tickover.domain.budget import Window
from tickover.domain.ids import TickId
from tickover.domain.report import TickReport
from tickover.engine.observe import Hooks, after, details, seen
from tickover.engine.recover import reap
from tickover.store.port import Store

_BATCH = 500


def run_reaper(
    store: Store, tick: TickId, window: Window, hooks: Hooks, *, monotonic: Callable[[], float]
) -> TickReport:
    """Reaps every expired lease, in bounded batches, until none is left or the window is over."""
    report = TickReport(tick_id=tick, trigger="reaper")
    store.deadline = window.end
    start = store.statements
    left = store.recover(tick, _BATCH)
    while left and monotonic() < window.stop:
        reaped = reap(store, tick, _BATCH)
        for job, transition in reaped:
            report.reaped += 1
            report.failed += transition.state == "failed"
            hooks.watchers.settled(job, transition)
            name = after(transition)
            if name is not None and hooks.wanted(name):
                report.hook_errors += hooks.call(name, seen(job, transition), *details(name, transition, None))
        left = store.recover(tick, _BATCH) if len(reaped) == _BATCH else 0
    due = store.due(tick, None)
    report.more, report.next_due_at = due.now, due.at
    report.stopped_because = "deadline" if left else "empty"
    report.seconds = monotonic() - window.start
    report.statements = store.statements - start
    return report
