"""When a job recurs: `every`, `daily`, `weekly`, `cron`. A slot is an instant in UTC; a schedule is a set of them.

Where clocks jump (docs/decisions: slots through clock changes): a fixed time that is skipped comes at the first instant
after; one that is shown twice comes once; what recurs each hour goes by elapsed time and knows no jump.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, get_args

from tickover.domain.pattern import Pattern, Which
from tickover.domain.retry import Duration, seconds
from tickover.domain.zone import first_instant, fold_of, jump, wall, zone
from tickover.errors import InvalidArgument, ScheduleError

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_DAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_LEAST: Final = timedelta(microseconds=1)
_END: Final = datetime(9000, 1, 1, tzinfo=UTC)
#: Jumps of a zone between two slots of one day: there is one; the bound is for a zone that nobody has seen.
_JUMPS: Final = 10
_EVERY: Final = re.compile(r"every (\d+(?:\.\d+)?)s\Z")
_DAILY: Final = re.compile(r"daily (\d\d):(\d\d) (\S+)\Z")
_WEEKLY: Final = re.compile(r"weekly (\w+) (\d\d):(\d\d) (\S+)\Z")
_CRON: Final = re.compile(r"cron (.+) (\S+)\Z")


class Schedule:
    """A set of slots. `str(schedule)` is its stored form, which `Schedule.parse` reads back."""

    __slots__ = ()
    #: The zone whose clocks it goes by.
    tz: str

    def next(self, after: datetime, /) -> datetime | None:
        """The first slot strictly after an aware instant, in UTC; None when there is none."""
        raise NotImplementedError  # abstract: each kind of schedule has its own

    def upto(self, at: datetime, /) -> datetime | None:
        """The last slot that is not later than an aware instant, in UTC; None when there is none."""
        raise NotImplementedError  # abstract: each kind of schedule has its own

    @staticmethod
    def parse(text: str) -> Schedule:
        """The schedule whose `str()` is `text`; raises `ScheduleError` for any other text."""
        if found := _EVERY.match(text):
            return every(float(found[1]))
        if found := _DAILY.match(text):
            return daily(int(found[1]), int(found[2]), tz=found[3])
        if found := _WEEKLY.match(text):
            day: Any = found[1]  # weekly() refuses what is no day
            return weekly(day, int(found[2]), int(found[3]), tz=found[4])
        if found := _CRON.match(text):
            return cron(found[1], tz=found[2])
        raise ScheduleError(f"{text!r} is not the stored form of a schedule; newer code may have written it.")


@dataclass(frozen=True, slots=True)
class Every(Schedule):
    """Multiples of a duration since 1970: whoever computes them, and whenever it was deployed, they are the same."""

    period: timedelta
    tz: str = field(default="UTC", init=False, repr=False)

    def next(self, after: datetime, /) -> datetime | None:
        slot = self.upto(after) + self.period
        return None if slot >= _END else slot

    def upto(self, at: datetime, /) -> datetime:
        return _EPOCH + (_aware(at) - _EPOCH) // self.period * self.period

    def __str__(self) -> str:
        return f"every {self.period.total_seconds():.3f}".rstrip("0").rstrip(".") + "s"


@dataclass(frozen=True, slots=True)
class Calendar(Schedule):
    """The instants at which clocks in a zone show one of a pattern's minutes."""

    text: str
    tz: str
    pattern: Pattern = field(compare=False, repr=False)

    def next(self, after: datetime, /) -> datetime | None:
        slot = self._next_elapsed(_aware(after)) if self.pattern.every_hour else self._next_fixed(_aware(after))
        return None if slot is None or slot >= _END else slot

    def upto(self, at: datetime, /) -> datetime | None:
        return self._upto_elapsed(_aware(at)) if self.pattern.every_hour else self._upto_fixed(_aware(at))

    def __str__(self) -> str:
        return f"{self.text} {self.tz}"

    def _next_fixed(self, after: datetime) -> datetime | None:
        tz = zone(self.tz)
        shown = self.pattern.after(wall(after, tz))
        while shown is not None and (slot := first_instant(shown, tz)) <= after:
            shown = self.pattern.after(shown)  # shown for the second time now: that slot was the first time
        return None if shown is None else slot

    def _upto_fixed(self, at: datetime) -> datetime | None:
        tz = zone(self.tz)
        now = wall(at, tz)
        # While clocks show an hour again, later minutes of that hour have been shown, and were slots, already.
        shown = self.pattern.upto(now + fold_of(now, tz))
        while shown is not None and (slot := first_instant(shown, tz)) > at:
            shown = self.pattern.upto(shown - _LEAST)
        return None if shown is None else slot

    def _next_elapsed(self, after: datetime) -> datetime | None:
        tz = zone(self.tz)
        for _ in range(_JUMPS):
            now = wall(after, tz)
            if (shown := self.pattern.after(now)) is None:
                return None
            if shown - now > _DAY:  # near it, no second jump can lie between
                after = max(after, first_instant(shown, tz) - _DAY)
                now = wall(after, tz)
            slot = after + (shown - now)
            if slot.astimezone(tz).utcoffset() == after.astimezone(tz).utcoffset():
                return slot
            after = jump(after, slot, tz)
            if self.pattern.matches(wall(after, tz)):
                return after
        return None

    def _upto_elapsed(self, at: datetime) -> datetime | None:
        tz = zone(self.tz)
        for _ in range(_JUMPS):
            now = wall(at, tz)
            if (shown := self.pattern.upto(now)) is None:
                return None
            if now - shown > _DAY and now.fold:  # not past the minutes of this hour that were shown the first time
                at = jump(at - fold_of(now, tz), at, tz) - _LEAST
                continue
            if now - shown > _DAY:
                at = min(at, first_instant(shown, tz) + _DAY)
                now = wall(at, tz)
            slot = at - (now - shown)
            if slot.astimezone(tz).utcoffset() == at.astimezone(tz).utcoffset():
                return slot
            at = jump(slot, at, tz) - _LEAST
        return None


def every(
    duration: Duration = 0, /, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
) -> Schedule:
    """Slots at the multiples of a duration since 1970-01-01 00:00 UTC: `every(minutes=5)` is :00, :05, :10 and so on.

    Args:
        duration: seconds or a `timedelta`; the keywords are added to it.
        days: days of 24 hours.
        hours: hours.
        minutes: minutes.
        seconds: seconds; a millisecond is the least.

    Raises:
        ScheduleError: the sum is not positive, or not in whole milliseconds.
    """
    first = duration if isinstance(duration, timedelta) else _seconds(duration)
    try:
        period = first + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (TypeError, ValueError, OverflowError) as error:
        raise ScheduleError(f"every() takes numbers: {error}.") from error
    if not timedelta(milliseconds=1) <= period <= timedelta(days=3650) or period % timedelta(milliseconds=1):
        raise ScheduleError(
            f"every() takes a duration from a millisecond to ten years, in whole milliseconds, not {period}; "
            "for instance every(minutes=5)."
        )
    return Every(period)


def daily(hour: int, minute: int = 0, /, *, tz: str = "UTC") -> Schedule:
    """A slot each day when clocks in the zone show this time.

    Raises:
        ScheduleError: no such time or zone.
    """
    _time("daily", hour, minute)
    zone(tz)
    return Calendar(f"daily {hour:02}:{minute:02}", tz, Pattern(minutes=(minute,), hours=(hour,)))


def weekly(day: Weekday, hour: int, minute: int = 0, /, *, tz: str = "UTC") -> Schedule:
    """A slot each week on this day, when clocks in the zone show this time.

    Raises:
        ScheduleError: no such day, time or zone.
    """
    if not isinstance(day, str) or day.lower() not in _DAYS:
        raise ScheduleError(f"weekly() takes {', '.join(_DAYS[:-1])} or {_DAYS[-1]}, not {day!r}.")
    _time("weekly", hour, minute)
    zone(tz)
    number = (_DAYS.index(day.lower()) + 1) % 7
    pattern = Pattern(minutes=(minute,), hours=(hour,), weekdays={number: None})
    return Calendar(f"weekly {day.lower()} {hour:02}:{minute:02}", tz, pattern)


def cron(expression: str, /, *, tz: str = "UTC") -> Schedule:
    """The slots of a cron line: minute, hour, day of month, month, day of week; or `@hourly`, `@daily`, ….

    Lists, ranges, steps and names are understood, `L` (the last day), `5#2` (the second Friday), `L5` (the last one);
    restricted days of month and of week mean either, as in every cron.

    Raises:
        ScheduleError: a line that cannot be read, or no such zone.
    """
    zone(tz)
    text = " ".join(expression.split()) if isinstance(expression, str) else ""
    return Calendar(f"cron {text}", tz, _read_cron(text or repr(expression)))


def _read_cron(text: str) -> Pattern:
    from croniter import CroniterError, croniter  # here: a tick fires nothing and must not pay for it

    fields = text.split(" ")
    if len(fields) != 5 and not re.fullmatch(r"@[a-z]+", text.lower()):
        raise ScheduleError(f"cron() takes five fields such as '30 2 * * 1-5', or @daily; {text!r} has {len(fields)}.")
    if re.search(r"(?i)(^|[ ,])[hr]([ (/,]|$)|\d+w|w\d+", text):  # a minute by chance differs from process to process
        raise ScheduleError(f"cron() knows no H, R or W, as in {text!r}; name the minute, hour or day.")
    read: Any
    try:
        read, nth = croniter.expand(text)
    except (CroniterError, ValueError, TypeError, KeyError) as error:
        raise ScheduleError(f"cron({text!r}) cannot be read: {error}. An example is '30 2 * * 1-5'.") from error
    minutes, hours, days, months, weekdays = read
    return Pattern(
        minutes=tuple(range(60)) if minutes == ["*"] else tuple(minutes),
        hours=tuple(range(24)) if hours == ["*"] else tuple(hours),
        days=None if days == ["*"] else frozenset("last" if day == "l" else day for day in days),
        months=frozenset(range(1, 13) if months == ["*"] else months),
        weekdays=None if weekdays == ["*"] and not nth else _weekdays(weekdays, nth),
    )


def _weekdays(weekdays: list[Any], nth: Mapping[Any, set[Any]]) -> dict[int, frozenset[Which] | None]:
    numbers = range(7) if weekdays == ["*"] else weekdays
    return {day: frozenset("last" if n == "l" else n for n in nth[day]) if day in nth else None for day in numbers}


def _seconds(duration: Any) -> timedelta:
    try:
        return timedelta(seconds=seconds(duration, "every", least=-1e9))
    except InvalidArgument as error:
        raise ScheduleError(f"every() takes seconds or a timedelta, for instance every(minutes=5): {error}") from error


def _time(what: str, hour: object, minute: object) -> None:
    for value, most in ((hour, 23), (minute, 59)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise ScheduleError(
                f"{what}() takes an hour from 0 to 23 and a minute from 0 to 59, not {hour!r}, {minute!r}."
            )


def _aware(instant: datetime) -> datetime:
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise InvalidArgument(f"A schedule takes an aware datetime (for instance datetime.now(UTC)), not {instant!r}.")
    return instant.astimezone(UTC)
