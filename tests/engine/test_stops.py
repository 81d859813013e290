"""How a run is stopped from outside: near the deadline, by a stop, a pause, a cancel, a lost lease; and who pays for it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.support.gate import Gate, Ticking, polite
from tests.support.world import World, tick_id
from tickover import AsyncContext, Budget, Context, Tickover
from tickover.engine.recover import reap


class TestNearTheDeadline:
    def test_a_run_that_asks_stops_in_time_and_is_not_given_up(self, jobs: Tickover) -> None:
        @jobs.job
        def long(ctx: Context) -> None:
            polite(ctx, int)

        job_id = long.enqueue()
        report = jobs.tick(Budget(1.2, margin=0.6))

        job = jobs.get(job_id)
        assert (report.stopped_because, report.yielded, report.abandoned) == ("deadline", 1, [])
        assert (job.state, job.stalls, job.failures) == ("pending", 1, 0)
        assert report.seconds < 1.2

    def test_a_run_that_swallows_what_it_was_told_is_not_completed(self, jobs: Tickover) -> None:
        heard: list[BaseException] = []

        @jobs.job
        def stubborn(ctx: Context) -> str:
            pause = threading.Event()
            while len(heard) < 3:
                pause.wait(0.01)
                try:
                    ctx.check()
                except BaseException as error:  # noqa: BLE001  # what nobody should do
                    heard.append(error)
            return "done all the same"

        job_id = stubborn.enqueue()
        report = jobs.tick(Budget(1.2, margin=0.6))

        assert report.completed == 0
        assert (jobs.get(job_id).state, jobs.get(job_id).stalls) == ("pending", 1)
        assert heard == [heard[0]] * 3, "and it hears the same each time"

    def test_a_run_that_raises_something_else_instead_is_not_failed(self, jobs: Tickover) -> None:
        @jobs.job(retries=0)
        def stubborn(ctx: Context) -> None:
            try:
                polite(ctx, int)
            except BaseException as error:
                raise ValueError("translated") from error

        job_id = stubborn.enqueue()

        assert jobs.tick(Budget(1.2, margin=0.6)).failed == 0
        assert jobs.get(job_id).failures == 0

    def test_what_remains_shrinks_and_is_never_negative(self, jobs: Tickover) -> None:
        seen: list[float] = []

        @jobs.job
        def watch(ctx: Context) -> None:
            pause = threading.Event()
            while not seen or seen[-1] > 0:
                seen.append(ctx.remaining)
                pause.wait(0.02)

        watch.enqueue()
        jobs.tick(Budget(1.0, margin=0.6))

        assert seen == sorted(seen, reverse=True)
        assert 0.2 < seen[0] <= 0.4
        assert seen[-1] == 0

    def test_the_third_full_window_without_progress_ends_the_job_and_says_what_to_do(
        self, world: World, jobs: Tickover, gate: Gate
    ) -> None:
        @jobs.job("slow-report")
        def slow() -> None:
            gate.pass_through()

        job_id = slow.enqueue()
        world.raw.set(job_id, stall_run=2)

        report = jobs.tick(1)

        assert report.failed == 1
        assert "slow-report needs more than one tick" in (jobs.get(job_id).error or "")
        assert "Split it into steps" in (jobs.get(job_id).error or "")

    def test_a_run_that_had_only_the_rest_of_a_window_gets_a_longer_one_next_time(
        self, world: World, jobs: Tickover, gate: Gate
    ) -> None:
        @jobs.job
        def slow() -> None:
            gate.pass_through()

        job_id = slow.enqueue()
        jobs.tick(1)
        world.raw.set_instant(job_id, "run_at", -1)
        needed = world.raw.job(job_id)["need_ms"]

        assert needed > 600
        assert jobs.tick(Budget(0.8, margin=0.4)).claimed == 0
        gate.set()
        assert jobs.drain(5).completed == 1

    def test_a_handler_that_never_asks_is_given_up_before_the_deadline_in_both_colours(
        self, jobs: Tickover, gate: Gate
    ) -> None:
        @jobs.job
        def deaf() -> None:
            gate.pass_through()

        @jobs.job
        async def deaf_async() -> None:
            await asyncio.Event().wait()

        ids = {deaf.enqueue(), deaf_async.enqueue()}
        report = jobs.tick(1.5)

        assert report.seconds < 1.5
        assert set(report.abandoned) == ids
        assert [jobs.get(job_id).stalls for job_id in ids] == [1, 1]


class TestAStopThatWasAskedFor:
    def test_before_the_tick_leaves_every_job_alone(self, jobs: Tickover) -> None:
        ran: list[int] = []

        @jobs.job
        def work() -> None:
            ran.append(1)

        work.enqueue()
        stop = threading.Event()
        stop.set()

        report = jobs.tick(10, stop=stop)

        assert (report.claimed, ran) == (0, [])
        assert report.seconds < 2

    def test_lets_what_runs_end_within_the_grace(self, world: World, gate: Gate) -> None:
        jobs, running, stop = world.app(grace=10), threading.Event(), threading.Event()

        @jobs.job
        def work() -> str:
            running.set()
            gate.pass_through()
            return "done"

        job_id, waiting = jobs.enqueue_many([work.new(), work.new()])
        ticking = Ticking(jobs, 60, concurrency=1, stop=stop)
        assert running.wait(20)
        stop.set()
        gate.set()
        report = ticking.report()

        assert (report.completed, report.stopped_because) == (1, "deadline")
        assert jobs.result(job_id) == "done"
        assert jobs.get(waiting).state == "pending"

    def test_gives_back_what_does_not_end_at_nobodys_cost(self, jobs: Tickover, gate: Gate) -> None:
        running, stop = threading.Event(), threading.Event()

        @jobs.job
        def deaf() -> None:
            running.set()
            gate.pass_through()

        job_id = deaf.enqueue()
        before = jobs.get(job_id).run_at
        ticking = Ticking(jobs, 60, stop=stop)
        assert running.wait(20)
        stop.set()
        report = ticking.report()

        job = jobs.get(job_id)
        assert (report.released, report.abandoned) == (1, [job_id])
        assert (job.state, job.released, job.stalls, job.run_at) == ("pending", 1, 0, before)

    def test_gives_back_what_was_claimed_ahead(self, world: World, jobs: Tickover, gate: Gate) -> None:
        running, stop = threading.Event(), threading.Event()

        @jobs.job
        def work(n: int) -> None:
            if n == 100:
                running.set()
                gate.pass_through()

        jobs.enqueue_many(work.new(n) for n in range(200))
        ticking = Ticking(jobs, 60, concurrency=1, stop=stop)
        assert running.wait(20)
        stop.set()
        gate.set()
        report = ticking.report()

        assert report.claimed == report.completed + report.released
        assert world.raw.count("jobs", "state = 'running'") == 0
        assert world.raw.count("jobs", "failures + stalls > 0") == 0


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

        assert (report.lost, report.abandoned, told) == (1, [], [])
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

        assert (report.lost, report.completed, told) == (1, 0, [])
        assert world.raw.job(job_id)["result"] is None
        assert [type(event).__name__ for event in jobs.events(job_id=job_id)] == [
            "JobEnqueued",
            "JobStarted",
            "JobCancelled",
        ]
