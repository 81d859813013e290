"""Runs that outlast their time: a thread cannot be stopped, so it is left behind, with its slot, and nothing it says counts."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from tests.support.gate import Gate, Ticking, until
from tests.support.world import World
from tickover import AsyncContext, Budget, Context, Tickover


class TestATimeout:
    def test_is_noticed_when_it_is_over_and_not_at_the_next_beat(self, world: World, gate: Gate) -> None:
        slow_beats = world.app(lease=60)

        @slow_beats.job(timeout=0.3, retries=0)
        def stuck() -> None:
            gate.pass_through()

        stuck.enqueue()
        start = time.monotonic()
        report = slow_beats.tick(30)

        assert report.failed == 1
        assert time.monotonic() - start < 3

    def test_of_the_job_beats_the_one_of_the_registration(self, jobs: Tickover, gate: Gate) -> None:
        @jobs.job(timeout=30, retries=0)
        def stuck() -> None:
            gate.pass_through()

        stuck.using(timeout=0.2).enqueue()

        assert jobs.tick(10).failed == 1

    def test_uses_the_retry_budget(self, jobs: Tickover, gate: Gate) -> None:
        @jobs.job(timeout=0.2, retries=1)
        def stuck() -> None:
            gate.pass_through()

        job_id = stuck.enqueue()
        report = jobs.tick(10)

        assert (report.retried, report.failed) == (1, 0)
        assert (jobs.get(job_id).state, jobs.get(job_id).failures) == ("pending", 1)

    def test_counts_from_the_start_of_the_run_and_not_from_the_claim(self, jobs: Tickover) -> None:
        @jobs.job(timeout=5, retries=0)
        def short(n: int) -> None:
            threading.Event().wait(0.02)

        jobs.enqueue_many(short.new(n) for n in range(50))

        assert jobs.tick(30, concurrency=1).completed == 50

    def test_cancels_an_async_handler_whose_clean_up_still_runs(self, jobs: Tickover) -> None:
        cleaned = threading.Event()

        @jobs.job(timeout=0.2, retries=0)
        async def stuck() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                cleaned.set()

        @jobs.job
        async def neighbour() -> str:
            assert await asyncio.to_thread(cleaned.wait, 20)
            return "unharmed"

        stuck.enqueue()
        other = neighbour.enqueue()
        report = jobs.tick(10)

        assert (report.failed, report.completed, report.abandoned) == (1, 1, [])
        assert cleaned.is_set()
        assert neighbour.result(other) == "unharmed"

    def test_gives_up_an_async_handler_that_blocks_its_loop(self, jobs: Tickover, gate: Gate) -> None:
        @jobs.job(timeout=0.2, retries=0)
        async def rude() -> None:
            gate.pass_through()

        job_id = rude.enqueue()
        report = jobs.tick(10)

        assert (report.failed, report.abandoned) == (1, [job_id])

    def test_raised_by_the_handler_itself_is_an_ordinary_failure(self, jobs: Tickover) -> None:
        @jobs.job(timeout=20, retries=0)
        async def impatient() -> None:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()

        job_id = impatient.enqueue()
        jobs.tick(10)

        assert jobs.get(job_id).error_kind == "TimeoutError"


class TestAThreadThatWasGivenUp:
    def test_keeps_its_slot_and_the_others_go_on(self, jobs: Tickover, gate: Gate) -> None:
        running: list[int] = []
        most: list[int] = []

        @jobs.job(timeout=0.3, retries=0)
        def stuck() -> None:
            gate.pass_through()

        @jobs.job
        def fine(n: int) -> None:
            running.append(n)
            most.append(len(running))
            threading.Event().wait(0.005)
            running.remove(n)

        stuck.using(priority=1).enqueue()
        jobs.enqueue_many(fine.new(n) for n in range(100))
        report = jobs.tick(20, concurrency=3)

        assert (report.failed, report.completed) == (1, 100)
        assert max(most) <= 2

    def test_in_the_only_slot_gives_what_waits_behind_it_to_others(
        self, world: World, jobs: Tickover, gate: Gate
    ) -> None:
        @jobs.job(timeout=0.3, retries=0)
        def stuck() -> None:
            gate.pass_through()

        @jobs.job
        def fine() -> None: ...

        jobs.enqueue_many(fine.using(priority=5).new() for _ in range(20))
        stuck.enqueue()
        jobs.enqueue_many(fine.using(priority=-5).new() for _ in range(5))
        ticking = Ticking(jobs, Budget(3, margin=0.5), concurrency=1)
        until(lambda: world.raw.count("jobs", "state = 'failed'") == 1)

        elsewhere = world.app()
        elsewhere.job("fine")(fine.fn)
        taken_over = elsewhere.drain(2).completed
        report = ticking.report()

        assert taken_over == 5
        assert (report.completed, report.failed, report.abandoned) == (20, 1, [jobs.dead_letters()[0].id])

    def test_frees_its_slot_when_it_returns_after_all(self, jobs: Tickover, gate: Gate) -> None:
        @jobs.job(timeout=0.2, retries=0)
        def stuck() -> None:
            gate.pass_through()

        @jobs.job
        def fine() -> None: ...

        stuck.using(priority=1).enqueue()
        fine.enqueue()
        ticking = Ticking(jobs, 20, concurrency=1)
        until(lambda: bool(jobs.dead_letters()))
        gate.set()

        assert ticking.report().completed == 1

    def test_writes_nothing_any_more_whatever_it_returns_or_raises(
        self, world: World, jobs: Tickover, gate: Gate
    ) -> None:
        ended = threading.Barrier(3, timeout=20)

        @jobs.job(timeout=0.2, retries=0)
        def late(good: bool) -> str:
            gate.pass_through()
            threading.Thread(target=ended.wait).start()
            if good:
                return "too late"
            raise ValueError("too late")

        first, second = late.enqueue(True), late.enqueue(False)
        jobs.tick(10)
        before = world.raw.rows("SELECT * FROM jobs JOIN job_data ON job_id = id ORDER BY id")
        gate.set()
        ended.wait()

        assert world.raw.rows("SELECT * FROM jobs JOIN job_data ON job_id = id ORDER BY id") == before
        assert {jobs.get(job_id).error_kind for job_id in (first, second)} == {"TimedOut"}

    def test_is_told_so_by_every_word_of_its_context(self, jobs: Tickover, gate: Gate) -> None:
        told: list[str] = []
        ended = threading.Event()

        @jobs.job(timeout=0.2, retries=0)
        def late(ctx: Context) -> None:
            gate.pass_through()
            for ask in (
                ctx.check,
                lambda: ctx.progress(0.5),
                lambda: jobs.find(),
                lambda: jobs.enqueue("late", remote=True),
            ):
                try:
                    ask()
                except BaseException as error:  # noqa: BLE001  # what is expected is no Exception
                    told.append(type(error).__name__)
            ended.set()

        late.enqueue()
        jobs.tick(10)
        gate.set()

        assert ended.wait(20)
        assert told == ["ContextClosed"] * 4

    def test_keeps_suspects_out_of_this_process(self, world: World, jobs: Tickover, gate: Gate) -> None:
        @jobs.job(timeout=0.2, retries=0)
        def stuck() -> None:
            gate.pass_through()

        @jobs.job
        def suspect() -> None: ...

        stuck.enqueue()
        jobs.tick(10)
        job_id = suspect.enqueue()
        world.raw.set(job_id, crash_run=2)

        assert jobs.tick(2).claimed == 0, "it would not be alone here"
        gate.set()
        until(lambda: not jobs._core.haunted())
        assert jobs.drain(10).completed == 1


class TestAContextThatOutlivesItsJob:
    def test_answers_no_task_that_the_handler_left_behind(self, jobs: Tickover) -> None:
        told: list[str] = []
        left: list[asyncio.Task[None]] = []
        returned = threading.Event()

        @jobs.job
        async def leaves_a_task_behind(ctx: AsyncContext) -> None:
            async def goes_on() -> None:
                await asyncio.to_thread(returned.wait, 20)
                try:
                    await ctx.check()
                except BaseException as error:  # noqa: BLE001  # what is expected is no Exception
                    told.append(type(error).__name__)

            left.append(asyncio.create_task(goes_on()))

        @jobs.job
        async def comes_later() -> None:
            returned.set()
            await left[0]

        leaves_a_task_behind.using(priority=1).enqueue()
        comes_later.enqueue()
        jobs.tick(10, concurrency=1)

        assert told == ["ContextClosed"]

    @pytest.mark.parametrize("word", ["check", "progress", "enqueue"])
    def test_answers_no_thread_that_the_handler_left_behind(self, jobs: Tickover, gate: Gate, word: str) -> None:
        told: list[str] = []
        left: list[threading.Thread] = []

        @jobs.job
        def leaves_a_thread_behind(ctx: Context) -> None:
            from contextvars import copy_context

            def goes_on() -> None:
                gate.pass_through()
                try:
                    calls: dict[str, Callable[[], object]] = {
                        "check": ctx.check,
                        "progress": lambda: ctx.progress(1),
                        "enqueue": lambda: jobs.enqueue("x", remote=True),
                    }
                    calls[word]()
                except BaseException as error:  # noqa: BLE001  # what is expected is no Exception
                    told.append(type(error).__name__)

            left.append(threading.Thread(target=copy_context().run, args=(goes_on,)))
            left[0].start()

        leaves_a_thread_behind.enqueue()
        report = jobs.tick(10)
        gate.set()
        left[0].join(20)

        assert report.completed == 1
        assert told == ["ContextClosed"]
