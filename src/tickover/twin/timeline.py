"""What happens when: a timeline that follows the machine's clock, or one that is moved by hand."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from tickover.clock import SystemClock

_log: Final = logging.getLogger("tickover.twin")


class Timeline(Protocol):
    """Where the platform keeps what it will do."""

    def now(self) -> datetime:
        """The platform's time."""

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        """Calls `act` at an instant, or as soon after as may be."""

    def close(self) -> None:
        """Nothing happens any more."""


class _Agenda:
    """A heap of (instant, act), in order of instants and then of arrival."""

    def __init__(self) -> None:
        self.heap: list[tuple[datetime, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def add(self, when: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self.heap, (when, next(self._count), act))

    def due(self, now: datetime) -> Callable[[], None] | None:
        return heapq.heappop(self.heap)[2] if self.heap and self.heap[0][0] <= now else None


class RealTimeline:
    """Follows the machine's clock; each act runs in a thread of its own, since invocations take their time."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._agenda = _Agenda()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._follow, name="twin-timeline", daemon=True)
        self._thread.start()

    def now(self) -> datetime:
        return self._clock.now()

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        with self._changed:
            self._agenda.add(when, act)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(5)

    def _follow(self) -> None:
        while (act := self._next()) is not None:
            threading.Thread(target=_run, args=(act,), name="twin-act", daemon=True).start()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._closed:
                now = self.now()
                if (act := self._agenda.due(now)) is not None:
                    return act
                heap = self._agenda.heap
                self._changed.wait((heap[0][0] - now).total_seconds() if heap else None)
            return None


class VirtualClock:
    """A clock and a timeline at once: time stands still until `advance`, which does all that is due on the way.

    Give it to the `Platform` and to the application under test, whose handlers must then run in this process.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime(2026, 1, 1, tzinfo=UTC)
        self._agenda = _Agenda()
        self._real = SystemClock()
        self._waited = 0.0

    def now(self) -> datetime:
        """The instant it stands at."""
        return self._now

    def monotonic(self) -> float:
        """Seconds of this machine, and those that were skipped."""
        return self._real.monotonic() + self._waited

    def wait(self, seconds: float) -> None:
        """Nobody waits here: time moves on at once."""
        self._now += timedelta(seconds=seconds)
        self._waited += seconds

    def waited(self, seconds: float) -> None:
        """Its monotonic side has moved by itself."""

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        """See `Timeline`."""
        self._agenda.add(when, act)

    def advance(self, seconds: float) -> None:
        """Moves on by so many seconds; whatever falls due on the way happens at its own instant."""
        end = self._now + timedelta(seconds=seconds)
        while self._agenda.heap and self._agenda.heap[0][0] <= end:
            when, _, act = heapq.heappop(self._agenda.heap)
            self._now = max(self._now, when)
            _run(act)
        self._now = max(self._now, end)

    def close(self) -> None:
        """Nothing happens any more."""
        self._agenda.heap.clear()


def _run(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception:  # noqa: BLE001  # a thread's last chance to say what went wrong
        _log.exception("the twin failed at something it had to do")
