"""The tick's thread may be kept: by a lock, a slow database, a freeze. What jobs did meanwhile counts as done in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.process import until
from tickover import Budget, Settings, Tickover, faults

_WINDOW = 0.8


@pytest.fixture
def jobs(migrated_url: str) -> Iterator[Tickover]:
    with Tickover(migrated_url, settings=Settings(margin=0.1)) as made:
        yield made
    faults.arm(None)


def _keep_at(point: str, *, until_done: Callable[[], bool]) -> threading.Event:
    """Keeps the thread that first passes a point until something is true; the event says that it is kept."""
    kept = threading.Event()

    def on_hit(name: str) -> None:
        if name == point and not kept.is_set():
            kept.set()
            until(until_done, "what the thread is kept for")

    faults.arm(on_hit)
    return kept


def test_a_job_that_ended_while_its_tick_was_kept_beyond_the_window_is_completed(jobs: Tickover) -> None:
    ended = threading.Event()
    started = time.monotonic()
    kept = _keep_at("settle.before_send", until_done=lambda: ended.is_set() and time.monotonic() > started + _WINDOW)

    @jobs.job
    def first() -> None:
        return

    @jobs.job
    def second() -> str:
        assert kept.wait(20)
        ended.set()
        return "in time"

    one, two = first.enqueue(), second.enqueue()
    report = jobs.tick(Budget(_WINDOW))

    assert (report.completed, report.yielded, report.abandoned) == (2, 0, [])
    assert jobs.result(two) == "in time"
    assert jobs.get(one).state == "completed"


def test_a_job_that_ended_within_its_timeout_while_its_tick_was_kept_did_not_time_out(jobs: Tickover) -> None:
    ended = threading.Event()
    started = time.monotonic()
    kept = _keep_at("settle.before_send", until_done=lambda: ended.is_set() and time.monotonic() > started + 0.6)

    @jobs.job
    def first() -> None:
        return

    @jobs.job(timeout=0.3, retries=0)
    def second() -> str:
        assert kept.wait(20)
        ended.set()
        return "in time"

    first.enqueue()
    two = second.enqueue()
    report = jobs.tick(Budget(5))

    assert (report.completed, report.failed) == (2, 0)
    assert jobs.result(two) == "in time"


def test_a_job_that_needs_a_whole_window_is_claimed_though_the_tick_started_slowly(jobs: Tickover) -> None:
    """Else a fleet whose ticks always lose a tenth of their window before the first claim never runs it again."""
    stalled = threading.Event()

    @jobs.job
    def endless() -> None:
        stalled.wait(20)

    job = endless.enqueue()
    found = jobs.get(job)
    for times in (1, 2, 3):
        started = time.monotonic()
        _keep_at("recover.after_commit", until_done=lambda at=started: time.monotonic() > at + _WINDOW / 4)  # type: ignore[misc]  # at is bound
        jobs.tick(Budget(_WINDOW))
        found = jobs.get(job)
        assert (found.starts, found.stalls) == (times, times)
        if found.state == "pending":
            jobs._core.do(lambda store: store.link.query("UPDATE jobs SET run_at = created_at", {}))

    stalled.set()
    assert (found.state, found.error_kind) == ("failed", "Stalled")
