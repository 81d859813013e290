"""Where worker threads hand things in, and where the tick's one writing thread takes everything at once.

A natural group commit: while one set is being written, the next one gathers. No timer, no added latency.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from tickover.clock import monotonic
from tickover.engine.interrupt import TickClosed

if TYPE_CHECKING:
    from tickover.domain.checkpoint import Checkpoint, Saved
    from tickover.domain.ids import StepKey
    from tickover.domain.outcome import Outcome
    from tickover.engine.run import Run
    from tickover.store.port import Store

T = TypeVar("T")
_MOST_AT_ONCE = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A run is over; the worker does not wait for the write."""

    run: Run
    outcome: Outcome
    #: What was raised, for hooks.
    error: BaseException | None
    seconds: float
    #: What the run still had to record; written with its park or its yield.
    checkpoints: tuple[Saved, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """A worker waits for what `work` returns on the tick's own connection."""

    work: Callable[[Store], Any]
    answer: Future[Any] = field(default_factory=Future)
    #: Whether the work looks before it writes, so that it may be done again when nobody knows what became of it.
    again: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Save:
    """A worker waits until these checkpoints stand; the answer has those where another value stood first."""

    run: Run
    saves: tuple[Saved, ...]
    answer: Future[dict[StepKey, Checkpoint]] = field(default_factory=Future)


Item: TypeAlias = Finished | Ask | Save


class Inbox:
    """Many hands in, one hand out."""

    def __init__(self) -> None:
        self._items: SimpleQueue[Item] = SimpleQueue()
        #: Seconds that `take` waited in all: those in which the tick had nothing to do but to wait for its jobs.
        self.waited = 0.0
        self._asked = 0  # how many of the items want an answer
        self._closed = False
        self._lock = threading.Lock()

    @property
    def outcomes(self) -> int:
        """How many outcomes were handed in and not taken yet; a moment later there may be more."""
        return max(0, self._items.qsize() - self._asked)

    def hand_in(self, item: Item) -> None:
        """Leaves an outcome; returns at once."""
        self._items.put(item)

    def ask(self, work: Callable[[Store], T]) -> T:
        """Has the tick's thread do `work`, and returns its answer or raises what it raised.

        Raises:
            TickClosed: the tick is over.
        """
        ask = Ask(work)
        self.put(ask)
        answer: T = ask.answer.result()
        return answer

    def put(self, item: Ask | Save) -> None:
        """Leaves something that is answered; raises `TickClosed` when nobody will."""
        with self._lock:  # against `close`: either it sees this item, or we see that it is closed
            if self._closed:
                raise TickClosed("the tick is over: this call cannot be written any more")
            self._asked += 1
            self._items.put(item)

    def take(self, seconds: float) -> list[Item]:
        """Everything that is there; waits up to `seconds` for the first."""
        items: list[Item] = []
        try:
            items.append(self._first(seconds) if seconds > 0 else self._items.get_nowait())
            while len(items) < _MOST_AT_ONCE:
                items.append(self._items.get_nowait())
        except Empty:
            pass
        if asked := sum(not isinstance(item, Finished) for item in items):
            with self._lock:
                self._asked -= asked
        return items

    def _first(self, seconds: float) -> Item:
        began = monotonic()
        try:
            return self._items.get(timeout=seconds)
        finally:
            self.waited += monotonic() - began

    def close(self) -> None:
        """From now on every present and future wait is answered with `TickClosed`: no worker hangs for ever."""
        with self._lock:
            self._closed = True
        while items := self.take(0):
            for item in items:
                if not isinstance(item, Finished):
                    item.answer.set_exception(TickClosed("the tick is over"))
