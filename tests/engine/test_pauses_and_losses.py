"""Pauses while jobs run, and jobs that somebody else ended or took: how fast a run learns it, and who is told."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.support.gate import Gate, Ticking, polite
from tests.support.world import World, tick_id
from tickover import AsyncContext, Context, Tickover
from tickover.engine.recover import reap


class TestAPause:
    def test_of_a_running_job_waits_for_its_boundary_and_costs_nothing(self, jobs: Tickover) -> None:
        running = threading.Event()

        @jobs.job
        def long(ctx: Context) -> None:
            polite(ctx, running.set)

        job_id = long.enqueue()
        ticking = Ticking(jobs)
        assert running.wait(20)
        jobs.pause_job(job_id)
        report = ticking.report()

        job = jobs.get(job_id)
        assert (report.released, report.stopped_because) == (1, "empty")
        assert (job.state, job.released, job.failures) == ("paused", 1, 0)

    def test_of_a_job_that_fails_before_it_notices_keeps_it_paused_after_the_failure(
        self, jobs: Tickover, gate: Gate
    ) -> None:
        running = threading.Event()

        @jobs.job
        def fail() -> None:
            running.set()
            gate.pass_through()
            raise ValueError("boom")

        job_id = fail.enqueue()
        ticking = Ticking(jobs)
        assert running.wait(20)
        jobs.pause_job(job_id)
        gate.set()
        ticking.report()

        assert (jobs.get(job_id).state, jobs.get(job_id).failures) == ("paused", 1)

    @pytest.mark.parametrize("what", ["queue", "fleet"])
    def test_of_a_queue_or_the_fleet_lets_what_runs_end_and_starts_nothing_new(
        self, jobs: Tickover, gate: Gate, what: str
    ) -> None:
        running = threading.Event()

        @jobs.job
        def work() -> None:
            running.set()
            gate.pass_through()

        jobs.enqueue_many(work.new() for _ in range(3))
        ticking = Ticking(jobs, 60, concurrency=1)
        assert running.wait(20)
        jobs.pause_queue("default") if what == "queue" else jobs.pause_ticks()
        gate.set()
        report = ticking.report()

        assert (report.claimed, report.completed) == (1, 1)
        assert report.stopped_because == ("empty" if what == "queue" else "paused")
        assert not report.more, "a paused tick never starts another one"

    def test_of_the_fleet_that_is_aggressive_stops_both_colours_at_nobodys_cost(self, jobs: Tickover) -> None:
        running = threading.Barrier(3, timeout=20)

        @jobs.job
        def long(ctx: Context) -> None:
            polite(ctx, running.wait)

        @jobs.job
        async def long_async() -> None:
            running.wait()
            await asyncio.Event().wait()

        ids = [long.enqueue(), long_async.enqueue()]
        ticking = Ticking(jobs)
        running.wait()
        jobs.pause_ticks("aggressive")
        report = ticking.report()

        assert (report.released, report.abandoned, report.stopped_because) == (2, [], "paused")
        assert [(job.state, job.failures, job.stalls, job.released) for job in map(jobs.get, ids)] == [
            ("pending", 0, 0, 1)
        ] * 2


class TestALostJob:
    @pytest.mark.parametrize("how", ["cancelled", "reaped", "deleted"])
    @pytest.mark.parametrize("colour", ["def", "async def"])
    def test_stops_within_a_beat_and_tells_no_hook(self, world: World, jobs: Tickover, how: str, colour: str) -> None:
        running, told = threading.Event(), []
        for register in (jobs.on_job_complete, jobs.on_job_fail, jobs.on_retry):
            register(lambda job, *_: told.append(job.id))

        @jobs.job
        def long(ctx: Context) -> None:
            polite(ctx, running.set)

        @jobs.job
        async def long_async(ctx: AsyncContext) -> None:
            running.set()
            await asyncio.Event().wait()

        job_id = long.enqueue() if colour == "def" else long_async.enqueue()
        ticking = Ticking(jobs)
        assert running.wait(20)
        if how == "reaped":
            world.raw.expire(job_id)
            assert len(reap(world.store(), tick_id(), 10)) == 1
        else:
            jobs.cancel(job_id)
        if how == "deleted":
            assert jobs.purge(state="cancelled", queue="default") == 1
        report = ticking.report()

        cancelled = how == "cancelled"
        assert (report.lost, report.cancelled, report.abandoned, told) == (not cancelled, cancelled, [], [])
        assert (report.completed, report.failed, report.retried, report.released) == (0, 0, 0, 0)
        if how != "deleted":
            assert world.raw.state(job_id) == ("cancelled" if how == "cancelled" else "pending")

    def test_keeps_nothing_that_its_old_holder_returns(self, world: World, jobs: Tickover, gate: Gate) -> None:
        running, told = threading.Event(), []
        jobs.on_job_complete(lambda job: told.append(job.id))

        @jobs.job
        def work() -> str:
            running.set()
            gate.pass_through()
            return "too late"

        job_id = work.enqueue()
        ticking = Ticking(jobs)
        assert running.wait(20)
        jobs.cancel(job_id)
        gate.set()
        report = ticking.report()

        assert (report.lost, report.cancelled, report.completed, told) == (0, 1, 0, [])
        assert world.raw.job(job_id)["result"] is None
        assert [type(event).__name__ for event in jobs.events(job_id=job_id)] == [
            "JobEnqueued",
            "JobStarted",
            "JobCancelled",
        ]
