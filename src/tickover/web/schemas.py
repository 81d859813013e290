"""What the JSON API takes and gives, as pydantic models: the names are those of the Python API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tickover.domain.job_view import Job
from tickover.domain.states import State
from tickover.events import Event
from tickover.web.redact import redacted

_LONGEST: Final = 10 * 365 * 86_400
Seconds: TypeAlias = Annotated[float, Field(ge=0, le=_LONGEST, allow_inf_nan=False)]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,254}$")]
Text: TypeAlias = Annotated[str, Field(max_length=255)]


class Body(BaseModel):
    """A request's body: what it does not know it refuses, rather than ignoring a misspelt word."""

    model_config = ConfigDict(extra="forbid")


class EnqueueBody(Body):
    """One job to write."""

    kind: Name = Field(description="The registered name.", examples=["send-email"])
    payload: Any = Field(default=None, description="What its handler takes; leave it out when it takes nothing.")
    queue: Name | None = None
    priority: int | None = Field(default=None, ge=-32_768, le=32_767)
    delay: Seconds | None = Field(default=None, description="Seconds until it may run.")
    at: AwareDatetime | None = Field(default=None, description="The instant from which it may run, with an offset.")
    retries: int | None = Field(default=None, ge=0, le=1000)
    timeout: Seconds | None = None
    unique: Text | None = Field(default=None, description="Refused (409) while an unfinished job has this key.")
    idempotency_key: Text | None = Field(default=None, description="Again within the window: the first job's id.")
    idempotency_ttl: Seconds | None = None
    tenant: Text | None = None
    meta: dict[str, Any] | None = None
    remote: bool = Field(default=False, description="The kind is unknown here: other code runs it.")


class RetryBody(Body):
    """How to retry."""

    fresh: bool = Field(default=False, description="Run every step again instead of keeping the recorded ones.")


class RetryManyBody(RetryBody):
    """Which dead letters to retry; at least one filter, or `all`."""

    kind: Text | None = None
    queue: Text | None = None
    tenant: Text | None = None
    meta: dict[str, Any] | None = None
    search: Annotated[str, Field(max_length=200)] | None = None
    all: bool = False


class PurgeBody(Body):
    """Which ended jobs to delete for good."""

    queue: Name
    state: Literal["completed", "failed", "cancelled"]
    kind: Text | None = None
    older_than: Seconds = Field(default=0, description="Seconds since they ended, at least.")


class SignalBody(Body):
    """A signal for one job."""

    name: Name
    payload: Any = None
    message_id: Text | None = Field(default=None, description="Sent again with this, it is delivered once.")


class PauseQueueBody(Body):
    """Why a queue is paused."""

    reason: Annotated[str, Field(max_length=1000)] = ""


class PauseTicksBody(Body):
    """How the fleet is paused."""

    mode: Literal["graceful", "aggressive"] = "graceful"


class StepView(BaseModel):
    """One recorded step."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    kind: str
    value: Any
    error: str | None
    seq: int
    created_at: AwareDatetime
    seconds: float | None
    tick_id: str | None


class JobView(BaseModel):
    """A job; payload, result and meta without what looks like a secret (`reveal` shows it)."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    short_id: str
    kind: str
    queue: str
    state: State
    tenant: str
    priority: int
    payload: Any
    result: Any
    error: str | None
    error_kind: str | None
    attempt: int
    starts: int
    completed: int
    failures: int
    crashes: int
    yields: int
    stalls: int
    parks: int
    released: int
    aborts: int
    created_at: AwareDatetime
    run_at: AwareDatetime | None
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    wait_kind: str | None
    wait_ref: str | None
    parent_id: str | None
    root_id: str | None
    fan_out_index: int | None
    children: list[str]
    unique_key: str | None
    meta: Mapping[str, Any]
    progress: tuple[float, str] | None
    generation: int
    steps: list[StepView]
    dead_lettered: bool

    @classmethod
    def of(cls, job: Job, *, reveal: bool = False) -> JobView:
        """The view of a job; with `reveal` nothing is hidden."""
        view = cls.model_validate(job)
        if not reveal:
            view.payload, view.result, view.meta = redacted(view.payload), redacted(view.result), redacted(view.meta)
            for step in view.steps:
                step.value = redacted(step.value)
        return view


class JobPage(BaseModel):
    """A page of jobs, newest first."""

    jobs: list[JobView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class Enqueued(BaseModel):
    """A job was written."""

    id: str


class Retried(BaseModel):
    """Which jobs run again."""

    retried: list[str]


class Deleted(BaseModel):
    """How many jobs are gone."""

    deleted: int


class QueueView(BaseModel):
    """One queue in numbers."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    counts: Mapping[str, int]
    paused: bool
    reason: str | None
    oldest_due_at: AwareDatetime | None


class StatsView(BaseModel):
    """The system in numbers."""

    model_config = ConfigDict(from_attributes=True)

    by_state: Mapping[str, int]
    total: int
    queues: list[QueueView]
    fleet_paused: str | None


class TickView(BaseModel):
    """One tick that had work."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    trigger: str
    started_at: AwareDatetime
    deadline_at: AwareDatetime
    ended_at: AwareDatetime | None
    stopped_because: str | None
    claimed: int
    completed: int
    failed: int
    retried: int
    yielded: int
    released: int | None
    lost: int | None
    reaped: int | None
    statements: int | None
    memory_mb: float | None
    cost: float | None
    cold: bool


class HealthView(BaseModel):
    """Whether the system does its work."""

    model_config = ConfigDict(from_attributes=True)

    ok: bool
    problems: list[str]
    database: str
    due: int
    oldest_due_seconds: float | None
    expired_leases: int
    dead_letters: int


class ScheduleView(BaseModel):
    """One schedule."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    kind: str
    spec: str
    tz: str | None
    next_at: AwareDatetime | None
    last_at: AwareDatetime | None
    overdue: int
    paused: bool
    orphaned: bool


class EventView(BaseModel):
    """Something that happened; `data` is what its type has of its own."""

    seq: int
    type: str
    at: AwareDatetime
    job_id: str | None
    kind: str | None
    queue: str | None
    attempt: int | None
    tick_id: str | None
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> EventView:
        """The view of an event."""
        values = asdict(event)
        common = {name: values.pop(name) for name in _COMMON}
        return cls(type=type(event).__name__, data=redacted(values), **common)


_COMMON: Final = ("seq", "at", "job_id", "kind", "queue", "attempt", "tick_id")


class EventPage(BaseModel):
    """Events in order."""

    events: list[EventView]
    after: int = Field(description="The cursor behind the last one: pass it as `after` to go on.")
