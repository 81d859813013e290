"""Declaring when a job recurs: what is refused says how it is meant, and clock changes have one rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tickover import cron, daily, every, weekly
from tickover.domain.declared import Stored, outranks
from tickover.domain.ids import derived_id, new_id
from tickover.domain.schedule import Schedule
from tickover.domain.slots import MISSED, admit, decide_slots
from tickover.errors import InvalidArgument, ScheduleError

BERLIN = "Europe/Berlin"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def slots(schedule: Schedule, after: datetime, count: int) -> list[str]:
    found: list[str] = []
    at: datetime | None = after
    for _ in range(count):
        assert at is not None
        at = schedule.next(at)
        assert at is not None
        found.append(f"{at.astimezone(ZoneInfo(BERLIN)):%d %H:%M%z}")
    return found


@pytest.mark.parametrize(
    ("schedule", "shown"),
    [
        (daily(2, 30, tz=BERLIN), ["29 03:00+0200", "30 02:30+0200"]),
        (cron("*/15 2 * * *", tz=BERLIN), ["29 03:00+0200", "30 02:00+0200"]),
        (cron("30 * * * *", tz=BERLIN), ["29 00:30+0100", "29 01:30+0100", "29 03:30+0200"]),
    ],
    ids=str,
)
def test_a_time_that_clocks_skip(schedule: Schedule, shown: list[str]) -> None:
    assert slots(schedule, datetime(2026, 3, 28, 23, tzinfo=UTC), len(shown)) == shown


@pytest.mark.parametrize(
    ("schedule", "shown"),
    [
        (daily(2, 30, tz=BERLIN), ["25 02:30+0200", "26 02:30+0100"]),
        (cron("*/30 2 * * *", tz=BERLIN), ["25 02:00+0200", "25 02:30+0200", "26 02:00+0100"]),
        (cron("30 * * * *", tz=BERLIN), ["25 01:30+0200", "25 02:30+0200", "25 02:30+0100", "25 03:30+0100"]),
    ],
    ids=str,
)
def test_a_time_that_clocks_show_twice(schedule: Schedule, shown: list[str]) -> None:
    assert slots(schedule, datetime(2026, 10, 24, 23, tzinfo=UTC), len(shown)) == shown


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: every(0), "for instance every"),
        (lambda: every(-5), "for instance every"),
        (lambda: every(), "for instance every"),
        (lambda: every(1 / 3), "whole milliseconds"),
        (lambda: every(float("nan")), "seconds or a timedelta"),
        (lambda: every("5"), "seconds or a timedelta"),  # type: ignore[arg-type]  # what is tested
        (lambda: every(minutes="5"), "takes numbers"),  # type: ignore[arg-type]  # what is tested
        (lambda: every(days=4000), "ten years"),
        (lambda: daily(24), "hour from 0 to 23"),
        (lambda: daily(2, 60), "minute from 0 to 59"),
        (lambda: daily(2, tz="Europe/Berln"), "Did you mean 'Europe/Berlin'"),
        (lambda: daily(2, tz="../../etc/passwd"), "not a time zone"),
        (lambda: weekly("sonntag", 2), "monday, tuesday"),  # type: ignore[arg-type]  # what is tested
        (lambda: cron("* * *"), "five fields"),
        (lambda: cron(""), "five fields"),
        (lambda: cron(None), "five fields"),  # type: ignore[arg-type]  # what is tested
        (lambda: cron("0 0 * * * *"), "five fields"),
        (lambda: cron("61 * * * *"), "cannot be read"),
        (lambda: cron("0 0 * * someday"), "cannot be read"),
        (lambda: cron("@fortnightly"), "cannot be read"),
        (lambda: cron("R 0 * * *"), "no H, R or W"),
        (lambda: cron("0 0 15W * *"), "no H, R or W"),
        (lambda: Schedule.parse("lunar new moon"), "newer code"),
    ],
)  # fmt: skip
def test_what_cannot_recur_is_refused_with_the_mend(make: Callable[[], Schedule], said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        make()


def test_a_naive_instant_is_refused() -> None:
    for schedule in (every(5), daily(2), cron("* * * * *")):
        with pytest.raises(InvalidArgument, match="aware"):
            schedule.next(NOON.replace(tzinfo=None))


def test_a_date_that_never_comes_has_no_slot() -> None:
    assert cron("0 0 30 2 *").next(NOON) is None
    assert cron("0 0 30 2 *").upto(NOON) is None
    assert every(days=365).next(datetime(8999, 12, 31, tzinfo=UTC)) is None


def test_every_adds_up_what_it_is_given() -> None:
    assert every(30, minutes=1) == every(timedelta(seconds=90)) == every(seconds=90)
    assert every(hours=1.5) == every(minutes=90)


def stored(schedule: Schedule, catch_up: str = "latest") -> Stored:
    return Stored(
        name="s", kind="k", payload=None, options="{}", spec=str(schedule), tz=schedule.tz, catch_up=catch_up,
        overlap="allow", next_slot=None, last_slot=None, last_fired_at=None, spec_version=1, code_version="",
        paused=False, seen_at=None,
    )  # fmt: skip


def test_the_stored_slot_is_due_whatever_the_spec_says() -> None:
    odd = NOON - timedelta(hours=5, minutes=17)
    due = decide_slots(stored(daily(0)), odd, NOON)
    assert (due.fire, due.last, due.following) == ((odd,), odd, NOON.replace(hour=0) + timedelta(days=1))


def test_a_slot_is_missed_after_two_minutes() -> None:
    for late, fired in ((MISSED - timedelta(seconds=1), 1), (MISSED, 0)):
        due = decide_slots(stored(daily(12), "skip"), NOON, NOON + late)
        assert (len(due.fire), len(due.omit)) == (fired, 1 - fired)


@pytest.mark.parametrize("schedule", [every(0.001), cron("* * * * *", tz=BERLIN)], ids=str)
def test_decades_of_missed_slots_are_bounded_work(schedule: Schedule) -> None:
    due = decide_slots(stored(schedule, "3"), NOON - timedelta(days=20 * 365), NOON)
    assert (len(due.fire), len(due.omit), due.last) == (3, 101, NOON)
    assert "every slot until" in due.omit[0].reason


def test_overlap_is_a_table() -> None:
    table = {(o, live, waiting): admit(o, live=live, waiting=waiting) is None
             for o in ("allow", "skip", "queue_one") for live, waiting in ((0, 0), (1, 0), (1, 1), (2, 1), (2, 0))}  # fmt: skip
    assert [key for key, fires in table.items() if not fires] == [
        ("skip", 1, 0), ("skip", 1, 1), ("skip", 2, 1), ("skip", 2, 0),
        ("queue_one", 1, 1), ("queue_one", 2, 1), ("queue_one", 2, 0),
    ]  # fmt: skip


def test_versions_are_compared_as_people_count() -> None:
    assert outranks("1.10", "1.9")
    assert not outranks("1.9", "1.10")
    assert outranks("", "")
    assert outranks("1", "")
    assert outranks("2026-11-29", "2026-02-01")


def test_a_derived_id_is_one_for_its_parts_and_sorts_by_time() -> None:
    first, same, other, later = (
        derived_id(5, "a", 1),
        derived_id(5, "a", 1),
        derived_id(5, "b", 1),
        derived_id(6, "a", 1),
    )
    assert first == same != other
    assert max(first, other) < later < new_id()
    assert first[14] == "7"
