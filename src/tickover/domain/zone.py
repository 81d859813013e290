"""Time zones from the pinned `tzdata` package, and what a wall clock means where it jumps.

Not the system's zone files: two machines of one fleet would then disagree about the slots of a schedule.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache
from typing import Final

from tickover.errors import ScheduleError

_NAME: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*\Z")
_SECOND: Final = timedelta(seconds=1)


@cache
def zone(name: str) -> tzinfo:
    """The zone of an IANA name; raises `ScheduleError` with the nearest name for one that does not exist."""
    if name == "UTC":
        return UTC
    from importlib.resources import files
    from zoneinfo import ZoneInfo

    known = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    if not isinstance(name, str) or not _NAME.match(name) or name not in known:
        near = get_close_matches(str(name), known, n=1, cutoff=0.6)
        hint = f" Did you mean {near[0]!r}?" if near else " Take an IANA name such as 'Europe/Berlin', or 'UTC'."
        raise ScheduleError(f"{name!r} is not a time zone.{hint}")
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def wall(instant: datetime, tz: tzinfo) -> datetime:
    """What clocks in the zone show at an instant: naive, and with `fold` where they show it for the second time."""
    return instant.astimezone(tz).replace(tzinfo=None)


def first_instant(shown: datetime, tz: tzinfo) -> datetime:
    """The first instant at which clocks in the zone show `shown` or, where they skip it, more than that."""
    # Both readings, whatever `fold` is said to mean: zoneinfo errs where a zone's rules change and its offset does not.
    read = sorted(shown.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
    for instant in read:
        if wall(instant, tz).replace(fold=0) == shown:
            return instant
    return _first(read[0], read[1], lambda at: wall(at, tz) >= shown)  # clocks skip it, somewhere between the two


def jump(low: datetime, high: datetime, tz: tzinfo) -> datetime:
    """The instant in (low, high] from which on clocks have the offset that they have at `high`; it was another before."""
    offset = high.astimezone(tz).utcoffset()
    return _first(low, high, lambda at: at.astimezone(tz).utcoffset() == offset)


def fold_of(shown: datetime, tz: tzinfo) -> timedelta:
    """How far clocks were set back where they show `shown` for the second time; zero elsewhere."""
    if not shown.fold:
        return timedelta(0)
    first, second = (shown.replace(tzinfo=tz, fold=fold).utcoffset() for fold in (0, 1))
    return (first or timedelta(0)) - (second or timedelta(0))


def _first(low: datetime, high: datetime, holds: Callable[[datetime], bool]) -> datetime:
    """The first whole second in (low, high] at which a test holds that, once true, stays true. Clocks jump at those."""
    start = low.replace(microsecond=0)
    passed, found = 0, int((high - start) / _SECOND) + (high.microsecond > 0)
    while found - passed > 1:
        middle = (passed + found) // 2
        if holds(start + middle * _SECOND):
            found = middle
        else:
            passed = middle
    return start + found * _SECOND
