"""Wakes: hints that a tick is wanted, now or at a time. They may be lost, late or doubled; correctness needs none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args, runtime_checkable

from tickover.errors import InvalidArgument

Reason: TypeAlias = Literal["nudge", "chain", "alarm", "call"]
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


class Waker(Protocol):
    """Whatever can start a tick somewhere."""

    def wake(self, at: datetime | None) -> None:
        """Asks for a tick now (None) or at an instant; must not raise for a wake that could not be sent."""


class WakeFailed(Exception):
    """A wake could not be sent; whoever wanted it says so to the database, so that the next one is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a wake carries: why it was sent, the tick that sent it, and how many ticks in a row woke one another."""

    reason: Reason = "call"
    hops: int = 0
    parent: str | None = None

    def next(self, reason: Reason, parent: str) -> Note:
        """The note of a wake that the tick which was woken by this one sends."""
        return Note(reason=reason, hops=self.hops + 1, parent=parent)

    @property
    def body(self) -> str:
        """The note as text: what is sent, whatever carries it."""
        return json.dumps({"tickover": {"reason": self.reason, "hops": self.hops, "parent": self.parent}})

    @classmethod
    def read(cls, said: Any) -> Note:
        """The note that is in what was received, under `tickover`.

        Raises:
            InvalidArgument: it is none of ours.
        """
        if not isinstance(said, Mapping):
            raise InvalidArgument(f"The wake is a {type(said).__name__}, not an object.")
        reason, hops, parent = said.get("reason", "call"), said.get("hops", 0), said.get("parent")
        counted = isinstance(hops, int) and not isinstance(hops, bool) and 0 <= hops <= 10_000
        if reason not in get_args(Reason) or not counted:
            raise InvalidArgument(f"The wake has reason {reason!r} and hops {hops!r}.")
        return cls(reason=reason, hops=hops, parent=parent if isinstance(parent, str) and _UUID.match(parent) else None)

    @classmethod
    def of_body(cls, body: bytes | str) -> Note:
        """The note in a request's body; one without a wake, such as a cron's, is a plain call.

        Raises:
            InvalidArgument: it has a wake which is none of ours.
        """
        try:
            said = json.loads(body or "null")
        except (ValueError, RecursionError):
            return cls()
        return cls.read(said["tickover"]) if isinstance(said, Mapping) and "tickover" in said else cls()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When a wake that was sent for later comes: not before `first`, and by `last` if the platform keeps its word."""

    first: datetime
    last: datetime


@runtime_checkable
class Sender(Protocol):
    """A waker whose wakes cost something: one statement first decides whether this one is needed at all."""

    #: Seconds by which a wake for later may be late; a wake that comes within them is as good as another.
    precision: float

    def wake(self, at: datetime | None) -> None:
        """See `Waker`."""

    def send(self, at: datetime | None, note: Note) -> Arrival | None:
        """Sends a wake; returns when it comes, None for one that comes now and where nothing can wait until `at`.

        Raises:
            WakeFailed: it was not sent.
        """


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
