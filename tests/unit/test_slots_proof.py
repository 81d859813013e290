"""Slots over ten years and every change of clocks in them, equal to a brute-force enumeration that shares no code."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest

from tests.support.slots import DAY, HOUR, MINUTE, Stretch, elapsed, fixed, stretches
from tickover import cron, daily, every, weekly
from tickover.domain.schedule import Schedule

START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
#: Changes by an hour, half an hour and two; at midnight, for Ramadan, and never; offsets of 45 and 30 minutes.
ZONES = [
    "Africa/Cairo", "Africa/Casablanca", "America/Asuncion", "America/Havana", "America/New_York", "America/Nuuk",
    "America/Santiago", "America/St_Johns", "Antarctica/Troll", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu",
    "Atlantic/Azores", "Australia/Lord_Howe", "Australia/Sydney", "Europe/Berlin", "Europe/Dublin", "Europe/London",
    "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham", "UTC",
]  # fmt: skip


def every_day(_day: date) -> bool:
    return True


def last_day(day: date) -> bool:
    return day.day == monthrange(day.year, day.month)[1]


FIXED: list[tuple[Callable[[str], Schedule], Callable[[date], bool], list[tuple[int, int]]]] = [
    (lambda tz: daily(2, 30, tz=tz), every_day, [(2, 30)]),
    (lambda tz: daily(0, tz=tz), every_day, [(0, 0)]),
    (lambda tz: weekly("sunday", 2, tz=tz), lambda day: day.isoweekday() == 7, [(2, 0)]),
    (lambda tz: weekly("saturday", 23, 45, tz=tz), lambda day: day.isoweekday() == 6, [(23, 45)]),
    (lambda tz: cron("*/20 0-3 * * sun", tz=tz), lambda d: d.isoweekday() == 7, [(h, m) for h in range(4) for m in (0, 20, 40)]),
    (lambda tz: cron("15 1,2 L * *", tz=tz), last_day, [(1, 15), (2, 15)]),
    (lambda tz: cron("0 12 13 * 5", tz=tz), lambda day: day.day == 13 or day.isoweekday() == 5, [(12, 0)]),
    (lambda tz: cron("5 4 * * mon#1,L5", tz=tz),
     lambda d: (d.isoweekday() == 1 and d.day <= 7) or (d.isoweekday() == 5 and (d + 7 * DAY).month != d.month), [(4, 5)]),
    (lambda tz: cron("59 23 29 2 *", tz=tz), lambda day: (day.month, day.day) == (2, 29), [(23, 59)]),
    (lambda tz: cron("30 */2 1-7/3 3,10 *", tz=tz), lambda d: d.month in (3, 10) and d.day in (1, 4, 7), [(h, 30) for h in range(0, 24, 2)]),
]  # fmt: skip


@cache
def zone(name: str) -> list[Stretch]:
    return stretches(name, START, END)


@pytest.mark.parametrize("name", ZONES)
def test_fixed_times_forwards_and_backwards(name: str) -> None:
    for make, days, times in FIXED:
        schedule = make(name)
        wanted = fixed(zone(name), days, times)
        assert len(wanted) >= 2

        found: list[datetime] = []
        at = wanted[0] - MINUTE
        while len(found) < len(wanted):
            at = schedule.next(at)  # type: ignore[assignment]  # there always is one: else the comparison fails
            found.append(at)
        assert found == wanted, schedule

        found, before = [], wanted[-1]
        for _ in wanted:
            at = schedule.upto(before)  # type: ignore[assignment]  # as above
            found.append(at)
            before = at - timedelta(microseconds=1)
        assert found[::-1] == wanted, schedule


@pytest.mark.parametrize("name", ZONES)
def test_what_recurs_each_hour_around_every_change_of_the_clocks(name: str) -> None:
    patterns: list[tuple[Schedule, Callable[[datetime], bool]]] = [
        (cron("* * * * *", tz=name), lambda _shown: True),
        (cron("0 * * * *", tz=name), lambda shown: shown.minute == 0),
        (cron("*/7 * * * *", tz=name), lambda shown: shown.minute % 7 == 0),
        (cron("10,40 * * * sun", tz=name), lambda shown: shown.minute in (10, 40) and shown.isoweekday() == 7),
    ]
    changes = [stretch.end for stretch in zone(name)[:-1]] or [START + 30 * DAY]
    for schedule, shows in patterns:
        for change in changes:
            wanted = list(elapsed(zone(name), shows, change - 5 * HOUR, change + 5 * HOUR))
            found, at = [], schedule.next(change - 5 * HOUR - timedelta(seconds=1))
            while at is not None and at < change + 5 * HOUR:
                found.append(at)
                at = schedule.next(at)
            assert found == wanted, (schedule, change)
            back, at = [], schedule.upto(change + 5 * HOUR - timedelta(seconds=1))
            while at is not None and at >= change - 5 * HOUR:
                back.append(at)
                at = schedule.upto(at - timedelta(seconds=1))
            assert back[::-1] == wanted, (schedule, change)


@pytest.mark.parametrize("name", ["America/New_York", "Australia/Lord_Howe", "UTC"])
def test_every_minute_is_a_slot_for_ten_years(name: str) -> None:
    schedule = cron("* * * * *", tz=name)
    minutes = int((END - START) / MINUTE)
    for number in range(0, minutes, 977):  # a prime: it meets every minute of the hour and of the day
        at = START + number * MINUTE
        assert schedule.next(at) == at + MINUTE
        assert schedule.next(at + timedelta(seconds=59)) == at + MINUTE
        assert schedule.upto(at) == at
        assert schedule.upto(at + timedelta(seconds=59)) == at


def test_a_day_that_a_zone_left_out() -> None:
    """Samoa went from 29 to 31 December 2011: what was due on the 30th comes at the first instant of the 31st."""
    found: list[datetime] = []
    at = datetime(2011, 12, 29, 12, tzinfo=UTC)
    for _ in range(4):
        at = daily(9, tz="Pacific/Apia").next(at)  # type: ignore[assignment]  # it has one
        found.append(at)
    assert found == [
        datetime(2011, 12, 29, 19, tzinfo=UTC),
        datetime(2011, 12, 30, 10, tzinfo=UTC),
        datetime(2011, 12, 30, 19, tzinfo=UTC),
        datetime(2011, 12, 31, 19, tzinfo=UTC),
    ]


@pytest.mark.parametrize("seconds", [0.001, 0.25, 1, 90, 3600, 86_400, 604_800])
def test_every_is_aligned_to_1970_wherever_it_is_asked(seconds: float) -> None:
    period = timedelta(seconds=seconds)
    for after in (START, START + timedelta(microseconds=1), datetime(2026, 7, 1, 12, 34, 56, 789_012, tzinfo=UTC)):
        slot, last = every(seconds).next(after), every(seconds).upto(after)
        assert slot is not None
        assert last is not None
        assert (slot - datetime(1970, 1, 1, tzinfo=UTC)) % period == timedelta(0)
        assert last <= after < slot == last + period


@pytest.mark.parametrize(
    "schedule",
    [
        every(90), every(0.25), every(days=7), daily(2, 30, tz="Europe/Berlin"), weekly("sunday", 2), cron("@daily"),
        cron("0 0 L * fri#2,L5", tz="America/Argentina/Buenos_Aires"), cron("*/5 9-17 * jan-mar mon-fri"),
    ],
    ids=str,
)  # fmt: skip
def test_the_text_of_a_schedule_reads_back_as_it(schedule: Schedule) -> None:
    read = Schedule.parse(str(schedule))
    assert (read, str(read), read.tz, read.next(START)) == (schedule, str(schedule), schedule.tz, schedule.next(START))
