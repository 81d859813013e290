"""What the engine may ask of durable state: verbs in our language, sets in, sets out.

Every verb that changes a running job takes leases and nothing else; rows that are no longer ours simply do not come
back. One adapter implements this (`sql_store`), on two dialects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias

from tickover.domain.decide import Transition
from tickover.domain.declared import Declared, Stored
from tickover.domain.ids import JobId, TickId
from tickover.domain.job import Claimed, Lease
from tickover.domain.report import TickReport
from tickover.domain.states import State
from tickover.store.link import DataRefused, OutcomeUnknown, ReadOnly, RolledBack, StorageFull

Pause: TypeAlias = Literal["graceful", "aggressive"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TickHead:
    """What a tick's row says from the start."""

    tick_id: TickId
    trigger: str
    function: str | None = None
    parent: str | None = None
    cold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a claim asks for."""

    #: Jobs at most, and how many of them can start at once.
    size: int
    free: int
    #: Whether nothing else runs in this tick, so that a suspect may be claimed.
    alone: bool
    #: Room per queue; None serves every queue.
    queues: Mapping[str, int] | None
    #: Which queue has the first turn, counted around: the jobs taken so far, from anywhere on.
    turn: int = 0
    #: Seconds: since the tick began, until its deadline, until it stops starting jobs, and of the lease.
    age: float
    left: float
    window_left: float
    lease: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When anything is due next that this tick's queues could act on."""

    at: datetime | None
    now: bool
    paused: Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a claim brought."""

    jobs: Sequence[Claimed]
    #: Only known when fewer jobs came than were wanted.
    due: Due | None
    paused: Pause


@dataclass(frozen=True, slots=True)
class Settled:
    """Where an accepted transition put its job."""

    state: State
    run_at: datetime


@dataclass(frozen=True, slots=True)
class Beat:
    """What a renewal learned: which leases are still ours, and what was asked meanwhile."""

    held: frozenset[JobId]
    pausing: frozenset[JobId]
    fleet: Pause


def moment(name: str, instant: datetime | None) -> dict[str, Any]:
    """An instant as a parameter, in the form of each database: `:name` is ISO text, `:name_ms` milliseconds."""
    millis = None if instant is None else int(instant.timestamp() * 1000 // 1)
    return {name: None if instant is None else instant.isoformat(), f"{name}_ms": millis}


class Store(Protocol):
    """One connection's worth of durable state."""

    @property
    def statements(self) -> int:
        """Statements sent so far."""

    #: Monotonic instant after which no answer is waited for.
    deadline: float | None

    @property
    def log(self) -> Literal["all", "failures", "none"]:
        """Which events are written."""

    def recover(self, tick: TickId, limit: int) -> int:
        """How many expired leases there are, at most `limit`; raises `MigrationRequired` on foreign tables."""

    def expired(self, tick: TickId | None, limit: int) -> list[Claimed]:
        """Locks that many jobs whose lease ran out, until the open transaction ends."""

    def claim(self, head: TickHead, wanted: Wanted) -> Claim:
        """Takes ready jobs; each is this tick's alone from now on."""

    def adopt(self, tick: TickId) -> list[Claimed]:
        """The jobs this tick holds by the database's account: what a claim with a cut answer brought."""

    def due(self, tick: TickId, queues: Mapping[str, int] | None) -> Due:
        """When anything is due next."""

    def beat(self, leases: Sequence[Lease], lease: float) -> Beat:
        """Renews what is still ours for `lease` seconds from now."""

    def settle(
        self, transitions: Sequence[Transition], *, tick: TickId | None, reaping: bool = False
    ) -> dict[JobId, Settled]:
        """Applies fenced transitions; returns the accepted ones."""

    def resolve(self, leases: Sequence[Lease]) -> dict[JobId, Literal["held", "landed", "lost"]]:
        """After an unknown outcome: whether our write landed, must be sent again, or came too late."""

    def progress(self, reports: Mapping[Lease, str]) -> None:
        """Keeps what running jobs said about how far they are."""

    def schedules(self) -> tuple[datetime, list[Stored]]:
        """The database's time, and every schedule; raises `MigrationRequired` on foreign tables."""

    def put_schedule(self, declared: Declared, following: datetime | None, code_version: str) -> None:
        """Stores a new schedule whose first slot is `following`, unless somebody did."""

    def change_schedule(
        self, stored: Stored, declared: Declared, following: datetime | None, code_version: str
    ) -> None:
        """Makes it what is declared, with that next slot if its spec changed; nothing when it is not as read any more."""

    def lock_schedule(self, stored: Stored) -> datetime | None:
        """Locks a due schedule until the open transaction ends: the database's time, or None when it is not as read."""

    def kind_seen(self, kind: str) -> bool:
        """Whether any code announced this kind within the last day."""

    def finish_tick(
        self, report: TickReport, *, kinds: Sequence[str], code_version: str, memory_mb: float | None
    ) -> None:
        """Closes the tick's row."""

    def transaction(self) -> AbstractContextManager[None]:
        """What runs inside commits together or not at all."""

    def reopen(self) -> None:
        """Replaces a broken connection by a new one."""

    def call(self, name: str, /, **params: Any) -> list[tuple[Any, ...]]:
        """Any other verb, for façade calls that a job makes."""


__all__ = [
    "Beat", "Claim", "DataRefused", "Due", "OutcomeUnknown", "Pause", "ReadOnly", "RolledBack", "Settled", "StorageFull",
    "Store", "TickHead", "Wanted", "moment",
]  # fmt: skip
