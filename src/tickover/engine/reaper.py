"""The reaper: a timed function of its own, so that nothing waits for the next tick to be taken back, nor for ever kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tickover.domain.budget import Window
from tickover.domain.ids import TickId
from tickover.domain.report import TickReport
from tickover.engine.mend import mend_fan_outs
from tickover.engine.observe import Hooks, after, details, seen
from tickover.engine.places import sweep
from tickover.engine.recover import reap, wake_due
from tickover.engine.retention import Retention, remove_old
from tickover.store.port import Store

_BATCH: Final = 500


class Reaper:
    """One run of the reaper. `run` is the narrative; several at once are harmless."""

    def __init__(
        self, store: Store, tick: TickId, window: Window, hooks: Hooks, monotonic: Callable[[], float]
    ) -> None:
        self.store = store
        self.tick = tick
        self.window = window
        self.hooks = hooks
        self.monotonic = monotonic
        self.report = TickReport(tick_id=tick, trigger="reaper")

    def run(self, retention: Retention | None) -> TickReport:
        """Takes back what dead ticks held, mends fan-outs, then removes what is kept for no longer; while the window lasts.

        Args:
            retention: how long things are kept; None removes nothing.
        """
        self.store.deadline = self.window.end
        first = self.store.statements
        done = self._reap()
        done = mend_fan_outs(self.store, self.report, left=self._left) and done
        if retention is not None:
            done = remove_old(self.store, retention, self.report.removed, left=self._left) and done
        sweep(self.store)
        due = self.store.due(self.tick, None)
        report = self.report
        report.more, report.next_due_at = due.now, due.at
        report.stopped_because = "empty" if done else "deadline"
        report.seconds = self.monotonic() - self.window.start
        report.statements = self.store.statements - first
        return report

    def _left(self) -> bool:
        return self.monotonic() < self.window.stop

    def _reap(self) -> bool:
        """Gives back every job whose lease ran out, in bounded batches; whether none is left."""
        overdue = self.store.recover(self.tick, _BATCH)
        if overdue.waiters:
            wake_due(self.store)
        left = overdue.leases
        while left and self._left():
            reaped = reap(self.store, self.tick, _BATCH)
            for job, transition in reaped:
                self.report.reaped += 1
                self.report.failed += transition.state == "failed"
                self.hooks.watchers.settled(job, transition)
                name = after(transition)
                if name is not None and self.hooks.wanted(name):
                    told = details(name, transition, None)
                    self.report.hook_errors += self.hooks.call(name, seen(job, transition), *told)
            left = self.store.recover(self.tick, _BATCH).leases if len(reaped) == _BATCH else 0
        return not left
