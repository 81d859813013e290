"""What one tick is to do, and with what: everything it was told, in one frozen value."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tickover.domain.budget import Budget, Window, lease_seconds

if TYPE_CHECKING:
    from tickover.engine.desk import Means
    from tickover.engine.paces import Paces
    from tickover.store.port import Store, TickHead


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one tick is to do, and with what."""

    head: TickHead
    budget: Budget
    window: Window
    #: Jobs at once, in all and per queue; None serves every queue.
    concurrency: int
    queues: Mapping[str, int] | None
    lease: float
    grace: float
    reap_limit: int
    code_version: str
    stop: threading.Event | None
    monotonic: Callable[[], float]
    #: Told after each wait for jobs that brought nothing.
    waited: Callable[[float], None]
    #: Whether a thread that an earlier tick of this process gave up still runs: then no job here is alone.
    haunted: Callable[[], bool]
    #: The application, for façade calls that its jobs make; what it lends to workflows, and how long their steps take.
    owner: object
    means: Callable[[], Means]
    paces: Paces
    #: Whether the database has one writer, so that a transaction of a job needs the tick's turn, and for how long at most.
    single_writer: bool
    transaction_timeout: float

    #: Called before the first job starts, with the seconds after which, were this tick killed, all its leases are over.
    guard: Callable[[Store, float], None] | None = None
    #: What the platform charges for so many seconds, in US dollars; None where it does not charge by the second.
    price: Callable[[float], float] | None = None

    @property
    def serves(self) -> list[str] | None:
        """The names of the queues; None serves every one."""
        return None if self.queues is None else list(self.queues)

    def keep_watch(self, store: Store, now: float, *, first: bool) -> None:
        """Before the first job of a tick: sets its dead man's switch, to the instant at which all its leases are over."""
        if first and self.guard is not None:
            self.guard(store, self.window.end - now + self.grace)

    @property
    def beat_every(self) -> float:
        """Seconds between two renewals of the leases: a third of one, so that two may fail."""
        return min(self.lease / 3, 5.0)

    def lease_from(self, now: float) -> float:
        """Seconds that a lease taken or renewed now lasts."""
        return lease_seconds(lease=self.lease, grace=self.grace, left=self.window.end - now)
