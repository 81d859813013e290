"""The only reader of wall and monotonic time, and the only place that waits.

Time comes into everything else as an argument. On PostgreSQL no stored or compared time comes from here:
the database's clock decides (4-data, rule 8). SQLite has no server, so there this clock is the database's clock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from tickover.errors import InvalidArgument

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What the engine may ask about time."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that only ever grow; for deadlines inside this process."""

    def wait(self, seconds: float) -> None:
        """Returns after about `seconds`."""

    def waited(self, seconds: float) -> None:
        """Told by a tick: it waited so long for its jobs' threads, and nothing came. A clock that stands still moves."""


def monotonic() -> float:
    """Seconds that only ever grow, whatever clock the application was given: ages of connections, driver waits."""
    return time.monotonic()


def unix_millis() -> int:
    """Milliseconds since 1970, for the time part of the ids that this process mints."""
    return time.time_ns() // 1_000_000


def millis(instant: datetime) -> int:
    """Milliseconds since 1970, rounded down; exact, as a float's product is not: an instant must not move by one."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def millis_up(instant: datetime) -> int:
    """The same rounded up: what waits until an instant must not be early."""
    return -((_EPOCH - instant) // timedelta(milliseconds=1))


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def waited(self, seconds: float) -> None:
        """It has moved by itself."""


class FrozenClock:
    """A clock, wall and monotonic, that stands still until it is moved; `tickover.testing` and our own tests use it.

    Waiting moves it, so that nobody waits for ever: for what only time brings at once; for a thread that really hangs
    after that wait, so that such a job times out as it would elsewhere.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._start = now or datetime.now(UTC)
        self._base = time.monotonic()
        self._moved = timedelta()
        self._moving = threading.Lock()

    def now(self) -> datetime:
        return self._start + self._moved

    def monotonic(self) -> float:
        return self._base + self._moved.total_seconds()

    def wait(self, seconds: float) -> None:
        self.waited(seconds)

    def waited(self, seconds: float) -> None:
        # Up, never down to nothing: what is left of a wait by a rounding error would be waited for for ever.
        if seconds > 0:
            with self._moving:
                self._moved += max(timedelta.resolution, timedelta(seconds=seconds))

    def advance(
        self, duration: timedelta | float = 0, /, *, days: float = 0, hours: float = 0, seconds: float = 0
    ) -> None:
        """Moves the clock forward by the sum of its arguments (a plain number means seconds).

        Raises:
            InvalidArgument: that would be backwards.
        """
        first = duration if isinstance(duration, timedelta) else timedelta(seconds=duration)
        by = first + timedelta(days=days, hours=hours, seconds=seconds)
        if by < timedelta():
            raise InvalidArgument(f"A clock is moved forward only, not by {by.total_seconds():g} s.")
        self.waited(by.total_seconds())


def poll(ask: Callable[[], T | None], *, timeout: float, clock: Clock, longest: float = 0.25) -> T | None:
    """Asks until the answer is not None or `timeout` seconds are over; returns the last answer.

    The one bounded wait of the whole library, for the edges where a person or a test waits for the database:
    `result(wait=)`, `drain`, `events(follow=True)`, `tickover dev`. A tick never waits for the database.
    """
    pause, end = 0.005, clock.monotonic() + timeout
    while (answer := ask()) is None and (left := end - clock.monotonic()) > 0:
        clock.wait(min(pause, left))
        pause = min(pause * 1.5, longest)
    return answer
