"""A job in its three lives: about to be written, held by a tick, and looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from tickover.domain.ids import ClaimId, Epoch, JobId, QueueName, short
from tickover.domain.limits import places_of
from tickover.domain.retry import DEFAULT_BACKOFF, ExponentialBackoff
from tickover.domain.states import State

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lease:
    """Proof that one tick holds one run of one job: the fence that every write out of `running` carries.

    The epoch alone is safe while the database never loses an acknowledged commit; the claim id, made by the database,
    stays safe when a failover hands an epoch out twice (reliability study, 2.5).
    """

    job_id: JobId
    epoch: Epoch
    claim_id: ClaimId


# Not frozen: a frozen dataclass sets each field through object.__setattr__, which for 34 fields cost a tick of 10,000
# jobs a tenth of its time. Nobody writes to it.
@dataclass(slots=True, kw_only=True, eq=False)
class Claimed:
    """One job that this tick holds, as the claim returned it."""

    lease: Lease
    kind: str
    queue: QueueName
    tenant: str
    priority: int
    run_at: datetime
    created_at: datetime
    started_at: datetime
    starts: int
    failures: int
    forgiven: int
    crashes: int
    yields: int
    stalls: int
    parks: int
    released: int
    crash_run: int
    stall_run: int
    deferrals: int
    steps: int
    generation: int
    max_retries: int
    max_crashes: int
    timeout: float | None
    backoff: ExponentialBackoff = DEFAULT_BACKOFF
    args: str | None
    meta: str | None
    unique_key: str | None
    parent_id: JobId | None
    root_id: JobId | None
    fan_out_id: str | None
    fan_out_index: int | None
    determinism: str | None
    #: Why the stored payload could not be opened; `args` is None then, and the run fails with this.
    unreadable: str | None = None
    trace_context: str | None = None
    slot: datetime | None = None
    #: The keys of its limits as they are stored, and whether its queue has a cap over the fleet.
    cap_keys: str | None = None
    queue_capped: bool = False
    #: The step in which its process died, as far as it said: only a suspect does.
    doing: str | None = None

    @property
    def id(self) -> JobId:
        return self.lease.job_id

    @property
    def attempt(self) -> int:
        """Which attempt this run belongs to: 1 until the first failure."""
        return self.failures + 1

    @property
    def places(self) -> tuple[str, ...]:
        """Keys of the caps of which it takes a place while it runs."""
        return places_of(self.cap_keys, self.queue if self.queue_capped else None)

    @property
    def log_fields(self) -> dict[str, object]:
        """What a log record about this job carries."""
        return {"job_id": self.id, "job_kind": self.kind, "queue": self.queue, "attempt": self.attempt}

    @property
    def order(self) -> tuple[int, datetime, str]:
        """Within a queue: priority first, then the time it was due, then the id."""
        return (-self.priority, self.run_at, self.lease.job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One recorded step of a job."""

    key: str
    kind: str
    value: Any
    error: str | None
    seq: int
    created_at: datetime
    seconds: float | None
    tick_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as people and hooks see it: one row, read at one moment."""

    id: str
    kind: str
    queue: str
    state: State
    tenant: str = ""
    priority: int = 0
    payload: Any = None
    result: Any = None
    error: str | None = None
    error_kind: str | None = None
    starts: int = 0
    completed: int = 0
    failures: int = 0
    crashes: int = 0
    yields: int = 0
    stalls: int = 0
    parks: int = 0
    released: int = 0
    aborts: int = 0
    created_at: datetime
    run_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    wait_kind: str | None = None
    wait_ref: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    fan_out_index: int | None = None
    children: list[str] = field(default_factory=list)
    unique_key: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    progress: tuple[float, str] | None = None
    generation: int = 0
    steps: list[Step] = field(default_factory=list)

    @property
    def short_id(self) -> str:
        """The last eight characters of the id."""
        return short(self.id)

    @property
    def log_fields(self) -> dict[str, object]:
        """What a log record about this job carries."""
        return {"job_id": self.id, "job_kind": self.kind, "queue": self.queue, "attempt": self.attempt}

    @property
    def attempt(self) -> int:
        """Attempts made so far, the current one included; 0 before the first run."""
        return self.failures + (self.state in ("running", "waiting", "completed"))

    @property
    def dead_lettered(self) -> bool:
        """Whether the job failed for good and is kept for triage."""
        return self.state == "failed"


class Page(list[T], Generic[T]):
    """A list of one page, with the cursor of the next (None on the last one)."""

    def __init__(self, items: list[T] | None = None, next_cursor: str | None = None) -> None:
        super().__init__(items or [])
        self.next_cursor = next_cursor
