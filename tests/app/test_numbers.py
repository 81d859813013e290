"""`stats`, `ticks` and `health`: exact, of every state, and nothing invented."""

from __future__ import annotations

import pytest

from tests.support.raw import Raw
from tests.support.world import KIND, claim, decided, settle, tick_id
from tickover import Handler, NewJob, Tickover
from tickover.domain.outcome import Completed, Failed
from tickover.domain.states import STATES
from tickover.errors import InvalidArgument


def test_every_state_is_counted_and_the_sums_agree(jobs: Tickover, double: Handler[[int], int]) -> None:
    double.enqueue(1)
    jobs.drain(20)
    paused, cancelled = double.using(queue="b").enqueue(2), double.enqueue(3)
    jobs.pause_job(paused)
    jobs.cancel(cancelled)
    double.using(delay=3600).enqueue(4)
    stats = jobs.stats()

    assert set(stats.by_state) == set(STATES)
    assert {state: n for state, n in stats.by_state.items() if n} == {
        "completed": 1, "paused": 1, "cancelled": 1, "pending": 1,
    }  # fmt: skip
    assert stats.total == sum(sum(queue.counts.values()) for queue in stats.queues) == 4
    assert all(set(queue.counts) == set(STATES) for queue in stats.queues)


def test_nothing_runs_that_is_not_leased(jobs: Tickover, raw: Raw) -> None:
    job_id = jobs.enqueue(KIND, remote=True)
    with jobs._core.database.link() as link:
        claim(jobs._core.store(link), 1)
    assert jobs.stats().by_state["running"] == 1
    raw.expire(job_id)
    assert jobs.health(patience=0).expired_leases == 1
    jobs.run_reaper(5)

    assert jobs.stats().by_state["running"] == 0


def test_a_backlog_is_counted_exactly(jobs: Tickover) -> None:
    jobs.enqueue_many(NewJob(KIND, n, remote=True) for n in range(12_345))

    assert jobs.stats().by_state["pending"] == 12_345
    assert jobs.stats().queues[0].counts["pending"] == 12_345


def test_of_a_tick_without_an_end_only_what_is_known_is_told(jobs: Tickover) -> None:
    jobs.enqueue_many(NewJob(KIND, n, remote=True) for n in range(3))
    with jobs._core.database.link() as link:
        store = jobs._core.store(link)
        first, second, _ = claim(store, 3, tick=(tick := tick_id())).jobs
        store.settle([decided(first, Completed(None)), decided(second, Failed("no", "E"))], tick=tick)
    (view,) = jobs.ticks()

    assert (view.id, view.ended_at, view.stopped_because) == (tick, None, None)
    assert (view.claimed, view.completed, view.retried, view.failed) == (3, 1, 1, 0)
    assert (view.released, view.lost, view.statements, view.memory_mb) == (None, None, None, None)


def test_of_a_tick_that_ended_everything_is(jobs: Tickover, double: Handler[[int], int]) -> None:
    double.enqueue(1)
    report = jobs.tick(5)
    (view,) = jobs.ticks()

    assert (view.completed, view.lost, view.statements) == (1, 0, report.statements)


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_of_ticks_is_bounded(jobs: Tickover, limit: int) -> None:
    with pytest.raises(InvalidArgument, match="limit= takes 1 to 1000"):
        jobs.ticks(limit=limit)


def test_a_waiting_job_whose_time_has_come_is_a_problem(jobs: Tickover, raw: Raw) -> None:
    job_id = jobs.enqueue(KIND, remote=True)
    raw.set(job_id, state="waiting", wait_kind="timer")
    raw.set_instant(job_id, "run_at", -300)

    assert jobs.health(patience=600).ok
    health = jobs.health(patience=120)
    assert not health.ok
    assert "1 waiting jobs were to go on" in health.problems[0]


def test_retried_and_settled_jobs_are_counted_once_each_minute_and_queue(jobs: Tickover, raw: Raw) -> None:
    jobs.enqueue_many(NewJob(KIND, n, remote=True) for n in range(4))
    with jobs._core.database.link() as link:
        store = jobs._core.store(link)
        for job in claim(store, 4).jobs:
            assert settle(store, job, Completed(None))
            assert not settle(store, job, Completed(None)), "the second is fenced off, and counts nothing"

    assert raw.one("SELECT sum(completed) FROM tick_stats") == 4
