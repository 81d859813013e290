"""What a wall clock must show: minutes, hours and days, walked forwards and backwards without a look at each minute."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, TypeAlias

#: Which of a month's days, or of its Mondays: by number, or the last one.
Which: TypeAlias = int | Literal["last"]
_DAY: Final = timedelta(days=1)
#: A leap day that is a certain weekday comes every 28 years, and 40 apart where a century has none.
_YEARS: Final = 50
_LAST_YEAR: Final = 9000
_MONTHS: Final = frozenset(range(1, 13))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A set of wall-clock minutes. What is None is not restricted; of days and weekdays either is enough, as in cron."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[Which] | None = None
    months: frozenset[int] = _MONTHS
    #: 0 is Sunday. The value says which ones of the month; None: each.
    weekdays: Mapping[int, frozenset[Which] | None] | None = field(default=None, hash=False)

    @property
    def every_hour(self) -> bool:
        """Whether it recurs through the day, so that it names no fixed time."""
        return len(self.hours) == 24

    def matches(self, shown: datetime) -> bool:
        """Whether clocks that show this show a minute of the pattern, to the second."""
        whole = shown.second == 0 == shown.microsecond
        return whole and shown.minute in self.minutes and shown.hour in self.hours and self._on(shown.date())

    def after(self, shown: datetime) -> datetime | None:
        """The first minute of the pattern that is later than `shown`; None when there will never be one."""
        if self._on(shown.date()) and (at := self._time_after(shown.hour, shown.minute)) is not None:
            return datetime.combine(shown.date(), at)
        day = self._day(shown.date(), _DAY)
        return None if day is None else datetime.combine(day, time(self.hours[0], self.minutes[0]))

    def upto(self, shown: datetime) -> datetime | None:
        """The last minute of the pattern that is not later than `shown`."""
        if self._on(shown.date()) and (at := self._time_upto(shown.hour, shown.minute)) is not None:
            return datetime.combine(shown.date(), at)
        day = self._day(shown.date(), -_DAY)
        return None if day is None else datetime.combine(day, time(self.hours[-1], self.minutes[-1]))

    def _time_after(self, hour: int, minute: int) -> time | None:
        if hour in self.hours and minute < self.minutes[-1]:
            return time(hour, self.minutes[bisect_right(self.minutes, minute)])
        place = bisect_right(self.hours, hour)
        return time(self.hours[place], self.minutes[0]) if place < len(self.hours) else None

    def _time_upto(self, hour: int, minute: int) -> time | None:
        if hour in self.hours and minute >= self.minutes[0]:
            return time(hour, self.minutes[bisect_right(self.minutes, minute) - 1])
        place = bisect_left(self.hours, hour) - 1
        return time(self.hours[place], self.minutes[-1]) if place >= 0 else None

    def _day(self, day: date, step: timedelta) -> date | None:
        """The nearest day of the pattern before or after `day`."""
        end = (day.year + _YEARS, day.year - _YEARS)[step < timedelta(0)]
        day += step
        while 1900 <= day.year <= _LAST_YEAR and (day.year <= end if step == _DAY else day.year >= end):
            if day.month not in self.months:  # on to the next month's first day, or back to the last one's last
                edge = monthrange(day.year, day.month)[1] if step == _DAY else 1
                day = day.replace(day=edge) + step
            elif self._on(day):
                return day
            else:
                day += step
        return None

    def _on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        tests: list[Callable[[date], bool]] = []
        if self.days is not None:
            tests.append(self._on_day)
        if self.weekdays is not None:
            tests.append(self._on_weekday)
        return not tests or any(test(day) for test in tests)

    def _on_day(self, day: date) -> bool:
        days = self.days or frozenset()
        return day.day in days or ("last" in days and day.day == monthrange(day.year, day.month)[1])

    def _on_weekday(self, day: date) -> bool:
        weekdays = self.weekdays or {}
        if (weekday := day.isoweekday() % 7) not in weekdays:
            return False
        which = weekdays[weekday]
        last = day.day + 7 > monthrange(day.year, day.month)[1]
        return which is None or (day.day + 6) // 7 in which or ("last" in which and last)
