"""A schedule in its three lives: as code declares it, as it is stored, and looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from tickover.domain.schedule import Schedule
from tickover.errors import ScheduleError

#: What becomes of slots that passed while nothing fired: the latest one fires, none does, or at most n do.
CatchUp: TypeAlias = Literal["latest", "skip"] | int
#: What becomes of a slot whose predecessor's job is not over: it fires, it does not, or it does unless one waits.
Overlap: TypeAlias = Literal["allow", "skip", "queue_one"]
MOST_CAUGHT_UP: Final = 1000
_PARTS: Final = re.compile(r"(\d+)|([^\d.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A schedule as code declares it; everything in its stored form."""

    name: str
    kind: str
    payload: str | None
    #: JSON of the job's options.
    options: str
    spec: str
    tz: str
    catch_up: str
    overlap: Overlap

    @property
    def schedule(self) -> Schedule:
        """When it recurs; raises `ScheduleError` for what newer code wrote."""
        return Schedule.parse(self.spec)

    @property
    def most_caught_up(self) -> int | None:
        """How many missed slots fire at most; None: of what is due, only the latest slot, and only if it is not missed."""
        return None if self.catch_up == "skip" else 1 if self.catch_up == "latest" else int(self.catch_up)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Declared):
    """A schedule as the database has it."""

    #: The next slot that is not decided yet: the truth, whatever code thinks. None: there will never be one.
    next_slot: datetime | None
    last_slot: datetime | None
    last_fired_at: datetime | None
    spec_version: int
    code_version: str
    paused: bool
    #: When code last declared it like this.
    seen_at: datetime | None
    #: Why the stored payload could not be opened; it is no payload then.
    unreadable: str | None = None

    def agrees(self, declared: Declared) -> bool:
        """Whether code declares it as it is stored."""
        return all(getattr(self, name) == getattr(declared, name) for name in Declared.__slots__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleView:
    """A schedule as people see it."""

    name: str
    kind: str
    #: When it recurs, in words that `Schedule.parse` reads.
    spec: str
    tz: str
    #: The first slot that is still to come; None when there is none.
    next_at: datetime | None
    #: When it last produced a job; None when it never did.
    last_at: datetime | None
    #: Slots that should have fired minutes ago, counted up to 1000.
    overdue: int = 0
    paused: bool = False
    #: Whether the code at hand no longer declares it: its slots pass until some code does.
    orphaned: bool = False
    catch_up: str = "latest"
    overlap: str = "allow"


def check_catch_up(value: Any) -> str:
    """The stored form of `catch_up=`."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value not in ("latest", "skip") and not (whole and 1 <= value <= MOST_CAUGHT_UP):
        raise ScheduleError(f'catch_up= is "latest", "skip" or a number from 1 to {MOST_CAUGHT_UP}, not {value!r}.')
    return str(value)


def check_overlap(value: Any) -> Overlap:
    """The stored form of `overlap=`."""
    if value not in ("allow", "skip", "queue_one"):
        raise ScheduleError(f'overlap= is "allow", "skip" or "queue_one", not {value!r}.')
    found: Overlap = value
    return found


def outranks(ours: str, theirs: str) -> bool:
    """Whether code version `ours` is at least as new as `theirs`: numbers in it count as numbers, so 1.10 is after 1.9."""
    return _order(ours) >= _order(theirs)


def _order(version: str) -> list[tuple[int, int, str]]:
    parts: list[tuple[int, int, str]] = []
    for digits, text in _PARTS.findall(version):
        parts.append((1, int(digits), "") if digits else (0, 0, text))
    return parts
