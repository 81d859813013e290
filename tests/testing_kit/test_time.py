"""Time under the kit: nothing passes by itself, and what is three days away is a line away."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from tests.support.world import claim
from tickover import Context, ExponentialBackoff, RetryAfter, Tickover, errors
from tickover.clock import SystemClock
from tickover.store.sql_store import SqlStore
from tickover.testing import Kit


def test_a_job_in_three_days_runs_in_three_days_and_in_no_real_time(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def remind() -> str:
        return "now"

    clock = SystemClock()
    began = clock.monotonic()
    job_id = remind.using(delay=timedelta(days=3)).enqueue()
    assert kit.drain().claimed == 0
    kit.clock.advance(days=2, hours=23, seconds=3599)
    assert kit.drain().claimed == 0
    kit.clock.advance(1)
    assert kit.drain().completed == 1
    assert remind.result(job_id) == "now"
    assert clock.monotonic() - began < 5


def test_drain_moves_no_time_and_tells_what_is_next(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def later() -> None: ...

    before = kit.clock.now()
    later.using(delay=60).enqueue()
    report = kit.drain()
    assert (kit.clock.now(), report.next_due_at, report.more) == (before, before + timedelta(seconds=60), False)


def test_a_retry_waits_for_its_backoff(jobs: Tickover, kit: Kit) -> None:
    runs: list[int] = []

    @jobs.job(retries=2, backoff=ExponentialBackoff(initial=10, jitter=0))
    def flaky(ctx: Context) -> str:
        runs.append(ctx.attempt)
        if ctx.attempt < 3:
            raise ValueError("not yet")
        return "at last"

    job_id = flaky.enqueue()
    kit.drain()
    kit.clock.advance(seconds=19)
    kit.drain()
    assert runs == [1]
    kit.clock.advance(seconds=1)
    kit.drain()
    assert runs == [1, 2]
    kit.clock.advance(hours=1)
    kit.drain()
    assert flaky.result(job_id) == "at last"


def test_retry_after_is_exact(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def limited(ctx: Context) -> None:
        if ctx.attempt == 1:
            raise RetryAfter(300, "rate limited")

    before = kit.clock.now()
    job_id = limited.enqueue()
    kit.drain()
    assert jobs.get(job_id).run_at == before + timedelta(seconds=300)


def test_a_job_that_takes_longer_than_its_timeout_times_out(jobs: Tickover, kit: Kit) -> None:
    went_on = threading.Event()

    @jobs.job(timeout=30, retries=0)
    def slow() -> None:
        kit.clock.advance(seconds=31)
        went_on.set()

    @jobs.job(timeout=30, retries=0)
    async def slow_too() -> None:
        kit.clock.advance(seconds=32)
        went_on.set()

    for handler in (slow, slow_too):
        with pytest.raises(errors.JobFailedError, match="timed out after 30 s"):
            kit.run(handler)
    assert not went_on.is_set()


def test_a_job_that_takes_less_than_its_timeout_is_fine(jobs: Tickover, kit: Kit) -> None:
    @jobs.job(timeout=30, retries=0)
    def brisk() -> str:
        kit.clock.advance(seconds=29)
        return "done"

    assert kit.run(brisk) == "done"


def test_a_job_that_really_hangs_times_out_in_real_time(jobs: Tickover, kit: Kit) -> None:
    release = threading.Event()

    @jobs.job(timeout=0.1, retries=0)
    def hangs() -> None:
        release.wait()

    @jobs.job(timeout=0.1, retries=0)
    async def hangs_too() -> None:
        await asyncio.Event().wait()

    try:
        for handler in (hangs, hangs_too):
            with pytest.raises(errors.JobFailedError, match="timed out"):
                kit.run(handler)
    finally:
        release.set()


def test_a_job_that_outlasts_its_tick_is_given_up_and_the_drain_ends(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def endless() -> None:
        kit.clock.advance(hours=1)

    job_id = endless.enqueue()
    report = kit.drain(budget=10)
    assert (report.abandoned, report.yielded) == ([job_id], 1)
    assert jobs.get(job_id).stalls == 1


def test_a_waiting_tick_neither_spins_nor_hangs(jobs: Tickover, kit: Kit) -> None:
    asked = 0
    real = kit.clock.monotonic

    def counted() -> float:
        nonlocal asked
        asked += 1
        return real()

    kit.clock.monotonic = counted  # type: ignore[method-assign]  # a spy

    @jobs.job
    def takes_a_moment() -> None:
        threading.Event().wait(0.3)

    kit.run(takes_a_moment)
    assert asked < 100


def test_waiting_for_a_result_is_waiting_in_virtual_time(jobs: Tickover, kit: Kit) -> None:
    job_id = jobs.enqueue("elsewhere", remote=True)
    before = kit.clock.now()
    with pytest.raises(errors.JobNotCompleted):
        jobs.result(job_id, wait=60)
    assert 50 < (kit.clock.now() - before).total_seconds() <= 61


def test_the_applications_own_drain_waits_in_virtual_time(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def later() -> None: ...

    later.using(delay=50).enqueue()
    assert jobs.drain(timeout=60).completed == 1


def test_a_lost_lease_is_reaped_when_its_time_is_over(jobs: Tickover, kit: Kit) -> None:
    job_id = jobs.enqueue("elsewhere", remote=True)
    with jobs._core.database.link() as link:
        claim(SqlStore(link), 1)  # by a tick that is heard of no more
    assert kit.drain().reaped == 0
    kit.clock.advance(seconds=61)
    assert kit.drain().reaped == 1
    assert jobs.get(job_id).crashes == 1
