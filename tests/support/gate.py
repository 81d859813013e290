"""Threads that wait for one another in tests, and never for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tickover import Context, Tickover, TickReport


class Gate(threading.Event):
    """Closed until a test opens it."""

    def pass_through(self) -> None:
        """Returns when the gate opens."""
        assert self.wait(30), "nobody opened the gate"


class Ticking:
    """A tick on a thread of its own; `report()` waits for its end."""

    def __init__(self, jobs: Tickover, budget: Any = 60, **options: Any) -> None:
        self._reports: list[TickReport] = []
        self._thread = threading.Thread(target=lambda: self._reports.append(jobs.tick(budget, **options)))
        self._thread.start()

    def ended(self, seconds: float) -> bool:
        """Whether it ends within that time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def report(self) -> TickReport:
        self._thread.join(60)
        assert not self._thread.is_alive(), "the tick did not end"
        return self._reports[0]


def polite(ctx: Context, running: Callable[[], object]) -> None:
    """Says that it runs, and then asks at every boundary whether it may go on."""
    running()
    pause = threading.Event()
    while not pause.wait(0.01):
        ctx.check()


def until(true: Callable[[], bool]) -> None:
    """Asks until it is true; fails when that takes too long."""
    pause = threading.Event()
    for _ in range(3000):
        if true():
            return
        pause.wait(0.01)
    raise AssertionError("it never came true")
