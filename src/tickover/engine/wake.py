"""Wakes: hints that a tick is wanted, now or at a time. They may be lost, late or doubled; correctness needs none."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Protocol


class Waker(Protocol):
    """Whatever can start a tick somewhere."""

    def wake(self, at: datetime | None) -> None:
        """Asks for a tick now (None) or at an instant; must not raise for a wake that could not be sent."""


class LocalWaker:
    """Wakes the loop of `tickover dev` in the same process."""

    def __init__(self) -> None:
        self._wanted = threading.Event()

    def wake(self, at: datetime | None) -> None:
        """A wake for later needs nothing here: the loop knows the next due time itself."""
        if at is None:
            self._wanted.set()

    def wait(self, seconds: float) -> bool:
        """Waits for a wake, for that long at most; returns whether one came."""
        came = self._wanted.wait(seconds)
        self._wanted.clear()
        return came
