"""What the engine may ask of durable state: verbs in our language, sets in, sets out.

Every verb that changes a running job takes leases and nothing else; rows that are no longer ours simply do not come
back. One adapter implements this (`sql_store`), on two dialects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

from tickover.clock import millis
from tickover.store.limit_port import LimitVerbs, Numbers
from tickover.store.link import DataRefused, NotHeld, OutcomeUnknown, ReadOnly, RolledBack, StorageFull

if TYPE_CHECKING:
    from tickover.domain.checkpoint import Checkpoint, Saved
    from tickover.domain.decide import Transition
    from tickover.domain.declared import Declared, Stored
    from tickover.domain.fanout import FanOutPlan, Slot, Status, Tally
    from tickover.domain.ids import JobId, StepKey, TickId
    from tickover.domain.job import Claimed, Lease
    from tickover.domain.park import Park, WaitKind
    from tickover.domain.report import TickReport
    from tickover.domain.states import State
    from tickover.store.flow_port import CallbackView, Decided, FanOutView
    from tickover.store.lease_port import Beat, Settled

Whereabouts: TypeAlias = Literal["held", "landed", "lost", "cancelled"]
#: Seconds of a window that has room for everything: 31 years.
ENDLESS: Final = 1e9
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
    #: Seconds of the longest window that a tick like this one has.
    window: float = ENDLESS


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """What a tick finds to mend before its first claim: expired leases, and waiters whose time has come."""

    leases: int
    waiters: int


def moment(name: str, instant: datetime | None) -> dict[str, Any]:
    """An instant as a parameter, in the form of each database: `:name` is ISO text, `:name_ms` milliseconds."""
    since = None if instant is None else millis(instant)
    return {name: None if instant is None else instant.isoformat(), f"{name}_ms": since}


class Store(LimitVerbs, Protocol):
    """One connection's worth of durable state."""

    @property
    def statements(self) -> int:
        """Statements sent so far."""

    #: Monotonic instant after which no answer is waited for.
    deadline: float | None

    @property
    def log(self) -> Literal["all", "failures", "none"]:
        """Which events are written."""

    def recover(self, tick: TickId, limit: int, serves: Sequence[str] | None = ()) -> Overdue:
        """What is overdue, counted up to `limit`; raises `MigrationRequired` on foreign tables.

        The nudge marks of the queues `serves` (None: of all) are cleared, and that is durable: the caller claims next.
        """

    def wake_due(self, limit: int) -> int:
        """Lets that many waiters run again whose time has come; returns how many."""

    def expired(self, tick: TickId | None, limit: int) -> list[Claimed]:
        """Locks that many jobs whose lease ran out, until the open transaction ends."""

    def claim(self, head: TickHead, wanted: Wanted) -> Claim:
        """Takes ready jobs; each is this tick's alone from now on."""

    def adopt(self, tick: TickId) -> list[Claimed]:
        """The jobs this tick holds by the database's account: what a claim with a cut answer brought."""

    def due(
        self, tick: TickId, queues: Mapping[str, int] | None, window: float = ENDLESS, *, alone: bool = True
    ) -> Due:
        """When anything is due next for a tick that has so long a window, and can run a suspect alone or not."""

    def beat(self, leases: Sequence[Lease], lease: float) -> Beat:
        """Renews what is still ours for `lease` seconds from now."""

    def settle(
        self, transitions: Sequence[Transition], *, tick: TickId | None, reaping: bool = False
    ) -> dict[JobId, Settled]:
        """Applies fenced transitions; returns the accepted ones."""

    def recorded(self, jobs: Sequence[Claimed]) -> dict[JobId, list[tuple[int, Checkpoint]]]:
        """What these jobs have recorded, each with its number."""

    def record(self, saves: Sequence[Saved], *, lease: float) -> dict[tuple[JobId, StepKey], bool]:
        """Writes checkpoints of jobs that are ours: True where it stands now, False where another value stood first."""

    def hold(self, leases: Sequence[Lease]) -> set[JobId]:
        """Locks jobs that are ours until the open transaction ends; returns those that are."""

    def look(self, waits: Sequence[tuple[JobId, Park]]) -> set[JobId]:
        """The jobs for which what they are about to wait for is there already; they are held."""

    def open_fan_out(self, plan: FanOutPlan) -> None:
        """Writes a fan-out and its children in the open transaction, which holds their parent."""

    def count_children(self, ends: Mapping[str, Counter[State]]) -> list[tuple[Decided, Tally]]:
        """Adds ended children to their fan-outs; returns those still open, as they would be `Decided`, with the counts."""

    def decide_fan_out(self, fan_out_id: str, status: Status) -> Decided | None:
        """Gives a fan-out its verdict; None when it has one."""

    def lock(self, jobs: Iterable[JobId]) -> None:
        """Locks these jobs, in id order, until the open transaction ends; nothing when there are none."""

    def grab(self, jobs: Iterable[JobId]) -> set[JobId]:
        """Locks those of these jobs that nobody else has locked, without waiting; returns them."""

    def wake(self, waits: Sequence[tuple[JobId, WaitKind, str]]) -> set[JobId]:
        """Lets jobs run again that wait for exactly this; returns those that did. They are locked since an earlier
        statement of the open transaction.
        """

    def durations(self, kind: str) -> dict[str, str]:
        """How long the steps of a kind took so far: histograms as JSON, by step."""

    def fan_out(self, fan_out_id: str) -> FanOutView:
        """Where a fan-out stands."""

    def slots(self, fan_out_id: str) -> list[Slot]:
        """Its children in slot order."""

    def take_signals(self, job: Claimed, name: str, key: StepKey, limit: int) -> list[str | None]:
        """The oldest unread messages, read by this step from now on. In the open transaction, which holds the job."""

    def open_callback(
        self, job: Claimed, key: StepKey, *, key_id: str, returns: str | None, expires: datetime | None
    ) -> None:
        """Makes a place for one answer from outside."""

    def callback(self, job_id: JobId, generation: int, key: StepKey) -> CallbackView | None:
        """Where a callback stands; None when there is none."""

    def resolve(self, leases: Sequence[Lease]) -> dict[JobId, Whereabouts]:
        """After an unknown outcome: whether our write landed, must be sent again, or came too late, and for a cancel."""

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

    def begins(self, lease: Lease, step: StepKey) -> None:
        """Keeps, while the fence holds, which step a job begins; `expired` tells it."""

    def kind_seen(self, kind: str) -> bool:
        """Whether any code announced this kind within the last day."""

    def finish_tick(
        self,
        report: TickReport,
        *,
        kinds: Sequence[str],
        code_version: str,
        memory_mb: float | None,
        durations: str | None = None,
    ) -> None:
        """Closes the tick's row."""

    def transaction(self) -> AbstractContextManager[None]:
        """What runs inside commits together or not at all."""

    def reopen(self) -> None:
        """Replaces a broken connection by a new one."""

    def call(self, name: str, /, **params: Any) -> list[tuple[Any, ...]]:
        """Any other verb, for façade calls that a job makes."""


__all__ = [
    "ENDLESS", "Claim", "DataRefused", "Due", "NotHeld", "Numbers",
    "OutcomeUnknown", "Overdue", "Pause", "ReadOnly", "RolledBack", "StorageFull", "Store", "TickHead", "Wanted", "Whereabouts", "moment",
]  # fmt: skip
