"""How a run ended, as a value: running yields an outcome, `decide` turns it into a transition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tickover.domain.park import Park


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned; `result` is its value as canonical JSON, None when it returned nothing."""

    result: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler raised, its payload did not validate, its result could not be stored, or it ran out of time."""

    message: str
    kind: str
    #: False: no further run may help (NoRetry, a result that cannot be encoded, a payload that is missing).
    retry: bool = True
    #: Seconds that `RetryAfter` asked for, or a backoff function answered; None means the job's own backoff.
    delay: float | None = None


@dataclass(frozen=True, slots=True)
class Crashed:
    """The lease ran out: the process was killed, or froze for longer than its lease."""


@dataclass(frozen=True, slots=True)
class OutOfTime:
    """The deadline came while the job ran."""

    #: Whether this run recorded at least one new checkpoint.
    progressed: bool
    #: Seconds this run had, and seconds the longest window of this tick could have given it.
    elapsed: float
    window: float
    #: What it was doing: a step, or the whole run.
    doing: str
    #: Seconds that the next step wants, when that is why the run ended: it did not start it.
    need: float | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """Given back unharmed: claimed and not started, paused, or asked to stop. Costs no attempt."""

    reason: str


@dataclass(frozen=True, slots=True)
class Parked:
    """Suspended: for a timer, a signal, a callback, a step's retry, or its children."""

    park: Park


@dataclass(frozen=True, slots=True)
class UnknownKind:
    """No handler here knows the kind; newer code may."""

    #: Whether any code version has announced the kind within the last day.
    known_elsewhere: bool


Outcome: TypeAlias = Completed | Failed | Crashed | OutOfTime | Released | Parked | UnknownKind
