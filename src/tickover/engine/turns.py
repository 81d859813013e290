"""Who of a tick's jobs may have a transaction of its own, and how that right is taken back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from tickover.engine.inbox import Ask

if TYPE_CHECKING:
    from tickover.domain.checkpoint import Saved
    from tickover.domain.job import Lease
    from tickover.engine.facts import JobContext


class Turn:
    """The right to write in a transaction of one's own; it can be taken back until the transaction is at its end."""

    def __init__(self) -> None:
        self.revoked = False
        self._ending = False
        self._undo: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def began(self, undo: Callable[[], None]) -> None:
        """From here on there is something to take back: `undo` undoes it, from another thread."""
        with self._lock:
            self._undo = undo

    def ending(self) -> bool:
        """From here on it is not taken back: a COMMIT must mean what it says. False: it was taken back already."""
        with self._lock:
            self._ending = not self.revoked
            return self._ending

    def ended(self) -> None:
        """Nothing is left to be taken back."""
        with self._lock:
            self._undo = None

    def revoke(self) -> bool:
        """Takes the right back: what was written is undone, and what comes is refused. False: it is too late for that."""
        with self._lock:
            if self._ending:
                return False
            self.revoked = True
            if self._undo is not None:
                self._undo()
            return True


class Transact(Protocol):
    """Runs user code in a transaction of its own that ends with checkpoints under the job's fence."""

    def __call__(self, lease: Lease, work: Callable[[Any], Sequence[Saved]], *, renew: float, turn: Turn) -> bool:
        """Does `work(connection)` and records what it returns; returns whether those stand, and not what stood first.

        Raises:
            NotHeld: the job is not ours; nothing of the transaction stays.
            OutcomeUnknown: the connection broke at the commit.
        """


class Turns:
    """At most one transaction of a job at a time in one tick; on SQLite the tick writes nothing meanwhile."""

    def __init__(self, *, single_writer: bool, patience: float) -> None:
        self.single_writer = single_writer
        self.patience = patience
        self._one = threading.Lock()

    @contextmanager
    def turn(self, ctx: JobContext) -> Iterator[Turn]:
        """The right to write; on SQLite it is taken back after `patience` seconds, since the leases wait for it."""
        turn, done = Turn(), threading.Event()
        with self._one:
            ctx.flow.boundary()
            if self.single_writer:
                granted = threading.Event()

                def give(_store: Any) -> None:
                    granted.set()
                    if not done.wait(self.patience) and not turn.revoke():
                        done.wait(self.patience)  # its last statements are under way

                given = Ask(give)
                ctx.flow.desk.inbox.put(given)
                given.answer.add_done_callback(lambda _: granted.set())  # also when the tick closed instead
                granted.wait()
                if given.answer.done():
                    given.answer.result()
            try:
                yield turn
            finally:
                done.set()
