from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.samples import NOON, claimed
from tickover import Job, Page, TickReport
from tickover.clock import FrozenClock, SystemClock, poll
from tickover.domain.ids import JobId
from tickover.domain.states import STATES

JOB = Job(
    id="01900000-0000-7000-8000-0000deadbeef",
    kind="send",
    queue="default",
    state="pending",
    created_at=NOON,
    run_at=NOON,
)
FIELDS = (  # noqa: SIM905  # as the contract writes them
    "id short_id kind queue tenant priority state payload result error error_kind attempt starts completed failures "
    "crashes yields stalls parks released aborts created_at run_at started_at finished_at wait_kind wait_ref parent_id "
    "root_id fan_out_index children unique_key meta progress generation steps dead_lettered"
).split()


def test_a_job_shows_what_the_contract_says() -> None:
    assert [name for name in FIELDS if not hasattr(JOB, name)] == []


def test_a_job_that_was_read_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        JOB.state = "failed"  # type: ignore[misc]  # that is the point


def test_people_see_the_end_of_an_id() -> None:
    assert JOB.short_id == "deadbeef"


@pytest.mark.parametrize(
    ("state", "failures", "attempt"),
    [("pending", 0, 0), ("running", 0, 1), ("pending", 1, 1), ("running", 1, 2), ("waiting", 0, 1), ("completed", 2, 3),
     ("failed", 4, 4)],
)  # fmt: skip
def test_the_attempt_counts_failures_and_the_run_under_way(state: Any, failures: int, attempt: int) -> None:
    assert replace(JOB, state=state, failures=failures).attempt == attempt


def test_only_failed_jobs_are_dead_letters() -> None:
    assert [state for state in STATES if replace(JOB, state=state).dead_lettered] == ["failed"]


def test_the_first_run_is_attempt_1_and_crashes_do_not_count() -> None:
    assert claimed(crashes=5, yields=3, released=2).attempt == 1
    assert claimed(failures=2).attempt == 3
    assert claimed().id == claimed().lease.job_id


def test_claimed_jobs_sort_by_priority_then_time_then_id() -> None:
    first, late = claimed(), claimed(run_at=NOON + timedelta(seconds=1))
    urgent = claimed(priority=5, run_at=NOON + timedelta(days=1))
    later_id = claimed(lease=replace(first.lease, job_id=JobId("f" * 36)))

    assert sorted([late, later_id, first, urgent], key=lambda job: job.order) == [urgent, first, later_id, late]


def test_a_page_is_a_list_with_a_cursor() -> None:
    page = Page([1, 2], next_cursor="2")

    assert (list(page), page.next_cursor, len(page)) == ([1, 2], "2", 2)
    assert Page[int]().next_cursor is None


def test_a_report_is_plain_json() -> None:
    report = TickReport(tick_id="t", next_due_at=datetime(2024, 1, 1, tzinfo=UTC), by_queue={"a": 1})
    plain = json.loads(json.dumps(report.to_json()))

    assert (plain["next_due_at"], plain["by_queue"], plain["more"]) == ("2024-01-01T00:00:00+00:00", {"a": 1}, False)
    assert TickReport(tick_id="t").to_json()["next_due_at"] is None


def test_a_report_has_the_numbers_of_the_contract() -> None:
    names = (  # noqa: SIM905  # as the contract writes them
        "tick_id trigger stopped_because claimed completed failed retried yielded parked cancelled lost reaped released "
        "fired by_queue more next_due_at seconds statements cold"
    ).split()
    assert [name for name in names if not hasattr(TickReport(tick_id="t"), name)] == []


def test_a_frozen_clock_moves_only_when_it_is_moved() -> None:
    clock = FrozenClock(NOON)

    assert clock.now() == clock.now() == NOON
    clock.advance(30)
    clock.advance(timedelta(minutes=1), days=1, hours=2, seconds=5)
    assert clock.now() - NOON == timedelta(days=1, hours=2, minutes=1, seconds=35)
    clock.wait(5)
    assert clock.now() - NOON == timedelta(days=1, hours=2, minutes=1, seconds=40)


def test_the_system_clock_is_aware_and_its_monotonic_side_never_goes_back() -> None:
    clock = SystemClock()

    assert clock.now().tzinfo is UTC
    first = clock.monotonic()
    clock.wait(0.001)
    assert clock.monotonic() > first


@pytest.mark.parametrize("left", [0.25, 1e-9, 5e-324])
def test_a_wait_moves_a_frozen_clock_however_short_it_is(left: float) -> None:
    clock = FrozenClock(NOON)
    clock.wait(left)
    assert clock.now() > NOON


class Ticking(FrozenClock):
    """Monotonic time that passes only in `wait`."""

    def __init__(self) -> None:
        super().__init__(NOON)
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return sum(self.pauses)

    def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)


def test_polling_returns_the_first_answer_that_is_not_none() -> None:
    answers = iter([None, None, 0])

    assert poll(lambda: next(answers), timeout=10, clock=Ticking()) == 0


def test_polling_asks_once_even_without_time() -> None:
    assert poll(lambda: 5, timeout=0, clock=Ticking()) == 5
    assert poll(lambda: None, timeout=0, clock=Ticking()) is None


def test_polling_never_waits_longer_than_it_was_told_and_ever_less_often() -> None:
    clock = Ticking()

    assert poll(lambda: None, timeout=3, clock=clock, longest=0.25) is None
    assert sum(clock.pauses) == pytest.approx(3)
    assert max(clock.pauses) == 0.25
    assert clock.pauses[0] == 0.005
