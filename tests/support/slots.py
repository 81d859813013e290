"""What the slots of a schedule are, found the slow way and without a line of the library's: by a zone's table of offsets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Shows = Callable[[datetime], bool]


@dataclass(frozen=True)
class Stretch:
    """From `start` until `end` clocks are `offset` ahead of UTC."""

    start: datetime
    end: datetime
    offset: timedelta


def stretches(name: str, start: datetime, end: datetime) -> list[Stretch]:
    """The offsets of a zone, found by asking for each hour and then, where they differ, for each minute."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        zone = ZoneInfo.from_file(data)

    def offset(at: datetime) -> timedelta:
        found = at.astimezone(zone).utcoffset()
        assert found is not None
        return found

    made, since, at = [], start, start
    while at < end:
        if offset(at + HOUR) != offset(at):
            change = at
            while offset(change + MINUTE) == offset(at):
                change += MINUTE
            made.append(Stretch(since, change + MINUTE, offset(at)))
            since = change + MINUTE
        at += HOUR
    return [*made, Stretch(since, end, offset(at))]


def fixed(zone: list[Stretch], days: Callable[[date], bool], times: list[tuple[int, int]]) -> list[datetime]:
    """A time that is skipped comes at the first instant after, one that is shown twice comes once."""
    found: set[datetime] = set()
    day = zone[0].start.date() + DAY
    while day < zone[-1].end.date() - DAY:
        if days(day):
            for hour, minute in times:
                found.add(_instant(zone, datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)))
        day += DAY
    return sorted(found)


def _instant(zone: list[Stretch], shown: datetime) -> datetime:
    for stretch in zone:
        if stretch.start <= shown - stretch.offset < stretch.end:
            return shown - stretch.offset
    return min(stretch.start for stretch in zone if stretch.start + stretch.offset > shown)


def elapsed(zone: list[Stretch], shows: Shows, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every minute of real time at which clocks show what is asked for."""
    at = start
    while at < end:
        (offset,) = [stretch.offset for stretch in zone if stretch.start <= at < stretch.end]
        if shows(at + offset):
            yield at
        at += MINUTE
