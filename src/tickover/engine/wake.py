"""Wakes: hints that a tick is wanted, now or at a time. They may be lost, late or doubled; correctness needs none."""

from __future__ import annotations

from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Protocol


class Waker(Protocol):
    """Whatever can start a tick somewhere."""

    def wake(self, at: datetime | None) -> None:
        """Asks for a tick now (None) or at an instant; must not raise for a wake that could not be sent."""


class LocalWaker:
    """Wakes the loop of `tickover dev` in the same process."""

    def __init__(self) -> None:
        # Not an Event: a signal handler may wake too, in the middle of whatever lock an Event has.
        self._wanted: SimpleQueue[None] = SimpleQueue()

    def wake(self, at: datetime | None) -> None:  # noqa: ARG002  # the loop looks itself when something is due next
        """The loop looks at the database, now."""
        self._wanted.put(None)

    def wait(self, seconds: float) -> bool:
        """Waits for a wake, for that long at most; returns whether one came. Many that came meanwhile are one."""
        came = False
        try:
            self._wanted.get(timeout=max(0.0, seconds))
            came = True
            for _ in range(self._wanted.qsize()):
                self._wanted.get_nowait()
        except Empty:
            return came
        return came
