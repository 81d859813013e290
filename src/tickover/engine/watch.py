"""What tracing and metrics are told: every enqueue, every end of a run, every tick. Hooks are for applications."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from tickover.domain.decide import Transition
    from tickover.domain.job import Claimed
    from tickover.domain.report import TickReport

_log: Final = logging.getLogger("tickover.hooks")
#: Takes the rows that an enqueue is about to write.
Note: TypeAlias = Callable[[Sequence[Mapping[str, Any]]], None]


class Watcher(Protocol):
    """Sees everything an application does, on the thread that does it: it must be quick, and it decides nothing."""

    def enqueueing(self) -> AbstractContextManager[Note]:
        """Is around one enqueue, from before its rows are made until they are written or refused."""

    def carried(self) -> str | None:
        """The trace context that a job written now takes with it."""

    def settled(self, job: Claimed, transition: Transition) -> None:
        """What became of a run was accepted by the database."""

    def lost(self, job: Claimed) -> None:
        """A run's lease was lost: nothing of it was kept."""

    def ticked(self, tick_id: str, report: TickReport | None) -> None:
        """A tick, or a run of the reaper, is over; None when it raised."""


class Watchers:
    """The watchers of one application. What one of them raises is logged, and changes nothing."""

    def __init__(self) -> None:
        self._all: list[Watcher] = []

    def __iter__(self) -> Iterator[Watcher]:
        return iter(self._all)

    def add(self, watcher: Watcher) -> None:
        self._all.append(watcher)

    @contextmanager
    def enqueueing(self) -> Iterator[Note]:
        """Around one enqueue; the caller notes the rows once they are made."""
        with ExitStack() as stack:
            notes = [stack.enter_context(watcher.enqueueing()) for watcher in self._all]

            def note(rows: Sequence[Mapping[str, Any]]) -> None:
                for one in notes:
                    one(rows)

            yield note

    def carried(self) -> str | None:
        """The first trace context that a watcher has."""
        return next((carried for watcher in self._all if (carried := watcher.carried()) is not None), None)

    def settled(self, job: Claimed, transition: Transition) -> None:
        self._tell(lambda watcher: watcher.settled(job, transition))

    def lost(self, job: Claimed) -> None:
        self._tell(lambda watcher: watcher.lost(job))

    def ticked(self, tick_id: str, report: TickReport | None) -> None:
        self._tell(lambda watcher: watcher.ticked(tick_id, report))

    def _tell(self, say: Callable[[Watcher], None]) -> None:
        for watcher in self._all:
            try:
                say(watcher)
            except Exception:  # noqa: BLE001  # whatever it raises, the job it was told about is not affected
                _log.exception("%s failed; no job is affected", type(watcher).__name__)
