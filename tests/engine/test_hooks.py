"""Hooks and middleware: told after the write, at most once, and never able to change what became of a job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.gate import Gate, until
from tests.support.world import World
from tickover import AsyncContext, Context, ExponentialBackoff, Job, NewJob, NoRetry, Tickover
from tickover.errors import InvalidArgument, PayloadError

AT_ONCE = ExponentialBackoff(initial=0)


class TestAHook:
    def test_is_told_after_its_write_is_there_for_everybody(self, world: World, jobs: Tickover) -> None:
        seen: list[tuple[str, str, str]] = []

        def note(name: str) -> Any:
            return lambda job, *_: seen.append((name, job.state, world.raw.state(job.id)))

        jobs.on_job_start(note("start"))
        jobs.on_job_complete(note("complete"))
        jobs.on_retry(note("retry"))
        jobs.on_job_fail(note("fail"))

        @jobs.job(retries=1, backoff=AT_ONCE)
        def work(bad: bool) -> None:
            if bad:
                raise ValueError("boom")

        work.enqueue(False)
        jobs.tick(10)
        assert seen == [("start", "running", "running"), ("complete", "completed", "completed")]
        seen.clear()
        work.enqueue(True)
        jobs.drain(10)

        assert [name for name, *_ in seen] == ["start", "retry", "start", "fail"]
        assert seen[-1] == ("fail", "failed", "failed")

    def test_sees_the_job_as_it_is_then(self, jobs: Tickover) -> None:
        seen: dict[str, Job] = {}
        errors: list[Exception] = []
        jobs.on_job_complete(lambda job: seen.setdefault("complete", job))
        jobs.on_retry(lambda job, error: (seen.setdefault("retry", job), errors.append(error)))  # type: ignore[arg-type, func-returns-value]  # two statements in one

        @jobs.job(backoff=AT_ONCE)
        def work(ctx: Context, number: int) -> int:
            if ctx.attempt == 1:
                raise ValueError("boom")
            return 2 * number

        job_id = work.using(queue="mail", tenant="acme", meta={"a": 1}, priority=7).enqueue(21)
        jobs.drain(10)

        for job in seen.values():
            assert (job.id, job.kind, job.queue, job.tenant, job.priority, job.payload) == (
                job_id,
                "work",
                "mail",
                "acme",
                7,
                21,
            )
            assert job.meta == {"a": 1}
        assert (seen["retry"].attempt, seen["retry"].error, seen["complete"].attempt) == (1, "boom", 2)
        assert seen["complete"].result == 42
        assert [type(error) for error in errors] == [ValueError], "the exception itself, not its text"

    @pytest.mark.parametrize(
        "raised", [RuntimeError("no"), SystemExit(1), KeyboardInterrupt(), NoRetry("no")], ids=repr
    )
    @pytest.mark.parametrize("name", ["on_job_start", "on_job_complete", "on_retry", "on_job_fail"])
    def test_that_raises_harms_neither_the_job_nor_the_other_hooks(
        self, jobs: Tickover, name: str, raised: BaseException
    ) -> None:
        told: list[str] = []

        def broken(job: Job, *_: object) -> None:
            raise raised

        getattr(jobs, name)(broken)
        getattr(jobs, name)(lambda job, *_: told.append(job.id))

        @jobs.job(retries=1, backoff=AT_ONCE)
        def work(bad: bool) -> None:
            if bad:
                raise ValueError("boom")

        given = jobs.enqueue_many(work.new(bad) for bad in (True, False))
        report = jobs.drain(10, concurrency=1)

        assert (report.completed, report.retried, report.failed) == (1, 1, 1)
        assert report.hook_errors == len(told) > 0
        assert set(told) <= set(given)

    def test_that_is_slow_or_calls_the_application_does_not_hold_the_tick_up_for_ever(
        self, jobs: Tickover, gate: Gate
    ) -> None:
        @jobs.on_job_complete
        def slow(job: Job) -> None:
            gate.pass_through()

        @jobs.job
        def work() -> None: ...

        work.enqueue()
        report = jobs.tick(1.5)

        assert report.completed == 1
        assert report.seconds < 1.5

    def test_may_use_the_application(self, jobs: Tickover) -> None:
        @jobs.on_job_complete
        def go_on(job: Job) -> None:
            if job.kind == "first":
                jobs.enqueue("second")
                assert jobs.get(job.id).state == "completed"

        ran: list[str] = []
        for name in ("first", "second"):
            jobs.job(name)(_named(ran, name))
        jobs.enqueue("first")

        report = jobs.drain(10)

        assert (ran, report.hook_errors) == (["first", "second"], 0)

    def test_that_is_async_or_no_function_is_refused_at_registration(self, jobs: Tickover) -> None:
        async def nobody_would_await_it(job: Job) -> None: ...

        for register in (jobs.on_job_start, jobs.on_job_complete, jobs.on_job_waiting):
            with pytest.raises(InvalidArgument, match="async"):
                register(nobody_would_await_it)
            with pytest.raises(InvalidArgument, match="function"):
                register("print")  # type: ignore[type-var]  # what is refused


class TestMiddleware:
    def test_is_around_each_run_of_both_colours_the_first_outermost(self, jobs: Tickover) -> None:
        told: list[str] = []

        def layer(name: str) -> Any:
            def around(ctx: Context | AsyncContext) -> Iterator[None]:
                told.append(f"{name} in")
                yield
                told.append(f"{name} out")

            return around

        jobs.middleware(layer("outer"))
        jobs.middleware(layer("inner"))

        @jobs.job
        def plain() -> None:
            told.append("runs")

        @jobs.job
        async def coloured() -> None:
            told.append("runs")

        for handler in (plain, coloured):
            told.clear()
            handler.enqueue()
            jobs.tick(10)
            assert told == ["outer in", "inner in", "runs", "inner out", "outer out"]

    def test_sees_what_the_handler_raises_and_may_raise_something_else(self, jobs: Tickover) -> None:
        @jobs.middleware
        def translate(ctx: Context | AsyncContext) -> Iterator[None]:
            try:
                yield
            except KeyError as error:
                raise NoRetry("translated") from error

        @jobs.job
        def work() -> None:
            raise KeyError("x")

        job_id = work.enqueue()

        assert jobs.tick(10).failed == 1
        assert jobs.get(job_id).error == "translated"

    @pytest.mark.parametrize("when", ["before", "after", "never yields", "yields twice"])
    def test_that_is_broken_fails_the_run_and_not_the_tick(self, jobs: Tickover, when: str) -> None:
        @jobs.middleware
        def broken(ctx: Context | AsyncContext) -> Iterator[None]:
            if ctx.kind == "work":
                if when == "before":
                    raise ValueError("before")
                if when == "never yields":
                    return
                yield
                if when == "after":
                    raise ValueError("after")
            yield

        ran: list[str] = []
        for name in ("work", "fine"):
            jobs.job(name, retries=0)(_named(ran, name))
            jobs.enqueue(name)

        report = jobs.tick(10)

        assert (report.completed, report.failed) == (1, 1)
        assert ("work" in ran) == (when in ("after", "yields twice"))

    def test_is_a_generator_function_or_refused(self, jobs: Tickover) -> None:
        with pytest.raises(InvalidArgument, match="generator"):
            jobs.middleware(lambda ctx: iter(()))

    def test_of_enqueues_may_change_or_refuse_a_job(self, jobs: Tickover) -> None:
        @jobs.enqueue_middleware
        def route(new: NewJob[Any]) -> NewJob[Any]:
            if new.payload == "poison":
                raise PayloadError("not this one")
            return new.using(queue="routed", meta={"by": "middleware"})

        @jobs.job
        def work(text: str) -> None: ...

        job = jobs.get(work.enqueue("fine"))
        with pytest.raises(PayloadError, match="not this one"):
            jobs.enqueue_many([work.new("fine"), work.new("poison")])

        assert (job.queue, job.meta) == ("routed", {"by": "middleware"})
        assert jobs.stats().total == 1


class TestAnEndedTick:
    def test_answers_a_job_that_waits_for_it_while_it_dies(self, jobs: Tickover, gate: Gate, fault: Any) -> None:
        told: list[str] = []

        @jobs.job
        def first() -> None: ...

        @jobs.job
        def asks() -> None:
            gate.pass_through()
            try:
                jobs.enqueue("first")
            except BaseException as error:  # noqa: BLE001  # what is expected is no Exception
                told.append(type(error).__name__)

        def die() -> None:
            gate.set()
            raise KeyboardInterrupt

        fault("settle.before_send", die)
        jobs.enqueue_many([asks.new(), first.new()])
        with pytest.raises(KeyboardInterrupt):
            jobs.tick(20)
        until(lambda: bool(told))

        assert told == ["TickClosed"]


def _named(ran: list[str], name: str) -> Any:
    def work() -> None:
        ran.append(name)

    return work
