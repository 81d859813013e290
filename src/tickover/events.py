"""What happened, as durable rows: one class per type, read back with `jobs.events(after=…)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. `.seq` is the cursor: pass it as `after=` to go on behind this event."""

    seq: int
    at: datetime
    job_id: str | None = None
    kind: str | None = None
    queue: str | None = None
    attempt: int | None = None
    tick_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnqueued(Event):
    """A job was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStarted(Event):
    """A tick claimed the job in order to run it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCompleted(Event):
    """The job ended well."""

    #: Seconds the last run took.
    duration: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed(Event):
    """The job ended badly and is a dead letter now."""

    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRetrying(Event):
    """A run failed; the next one starts at `run_at` or later."""

    error: str = ""
    run_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWaiting(Event):
    """The job is parked."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResumed(Event):
    """A paused or parked job may run again."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobYielded(Event):
    """The job was given back without costing an attempt."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPaused(Event):
    """The job is paused, or will be at the next boundary of its run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled(Event):
    """The job was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReclaimed(Event):
    """A job whose lease ran out was taken back."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSent(Event):
    """A signal was stored for the job."""

    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved(Event):
    """A step's result was recorded."""

    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePaused(Event):
    """A queue was paused."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueResumed(Event):
    """A queue was resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicksPaused(Event):
    """The whole fleet was paused."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicksResumed(Event):
    """The whole fleet was resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFired(Event):
    """A slot of a schedule produced a job."""

    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Event):
    """A job reported how far it is."""

    #: [fraction, note]
    data: Sequence[Any] | None = None


TYPES: Final[dict[str, type[Event]]] = {cls.__name__: cls for cls in Event.__subclasses__()}
_OWN: Final = {name: {f.name for f in fields(cls)} - {f.name for f in fields(Event)} for name, cls in TYPES.items()}


def from_row(name: str, data: Mapping[str, Any], **common: Any) -> Event:
    """Builds the event that a stored row describes; unknown types of newer code come back as plain `Event`."""
    cls = TYPES.get(name, Event)
    own = {key: value for key, value in data.items() if key in _OWN.get(name, ())}
    return cls(**common, **own)


__all__ = [
    "CheckpointSaved",
    "Event",
    "JobCancelled",
    "JobCompleted",
    "JobEnqueued",
    "JobFailed",
    "JobPaused",
    "JobReclaimed",
    "JobResumed",
    "JobRetrying",
    "JobStarted",
    "JobWaiting",
    "JobYielded",
    "Progress",
    "QueuePaused",
    "QueueResumed",
    "ScheduleFired",
    "SignalSent",
    "TicksPaused",
    "TicksResumed",
]
