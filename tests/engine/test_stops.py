"""How a run is stopped from outside: near the deadline, by a stop, a pause, a cancel, a lost lease; and who pays for it."""

from __future__ import annotations

import asyncio
import threading

from tests.support.gate import Gate, Ticking, polite
from tests.support.world import World
from tickover import Budget, Context, Tickover


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

    def test_an_async_handler_that_blocks_its_loop_does_not_hold_the_tick_past_its_deadline(
        self, jobs: Tickover, gate: Gate
    ) -> None:
        @jobs.job
        async def deaf() -> None:
            gate.pass_through()

        deaf.enqueue()
        report = jobs.tick(2)

        assert report.seconds < 2
        assert report.stopped_because == "deadline"

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
