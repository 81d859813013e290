"""A job that a tick holds, and the lease under which it does. As people and hooks see one it is in `job_view`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tickover.domain.ids import ClaimId, Epoch, JobId, QueueName
from tickover.domain.retry import DEFAULT_BACKOFF, ExponentialBackoff


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
        if self.cap_keys is None and not self.queue_capped:
            return ()
        from tickover.domain.limits import places_of

        return places_of(self.cap_keys, self.queue if self.queue_capped else None)

    @property
    def log_fields(self) -> dict[str, object]:
        """What a log record about this job carries."""
        return {"job_id": self.id, "job_kind": self.kind, "queue": self.queue, "attempt": self.attempt}

    @property
    def order(self) -> tuple[int, datetime, str]:
        """Within a queue: priority first, then the time it was due, then the id."""
        return (-self.priority, self.run_at, self.lease.job_id)
