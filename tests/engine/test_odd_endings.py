"""Runs that end oddly: odd results, odd exceptions, odd policies, and rows that somebody else wrote badly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from tests.support.world import World
from tickover import Context, ExponentialBackoff, NoRetry, RetryAfter, StepFailed, Tickover
from tickover.errors import JobFailedError

AT_ONCE = ExponentialBackoff(initial=0)


class Mail(BaseModel):
    to: str


def _endless() -> list[Any]:
    it: list[Any] = []
    it.append(it)
    return it


def _deep(levels: int) -> Any:
    return [_deep(levels - 1)] if levels else 1


class TestAResult:
    @pytest.mark.parametrize(
        "value",
        [object(), float("nan"), {1: "a"}, 2**70, "x" * 1_100_000, _deep(65), _endless(), {"a": {1, 2}, "b": b"\xff"}],
        ids=["object", "nan", "key", "huge int", "too large", "too deep", "endless", "bytes"],
    )
    def test_that_cannot_be_stored_ends_the_job_after_one_run(self, jobs: Tickover, value: Any) -> None:
        runs = []

        @jobs.job
        def odd() -> Any:
            runs.append(1)
            return value

        job_id = odd.enqueue()
        report = jobs.tick(10)

        assert (report.failed, report.retried, len(runs)) == (1, 0, 1)
        assert "the result cannot be stored" in (jobs.get(job_id).error or "")

    def test_that_does_not_fit_its_annotation_ends_the_job_too(self, jobs: Tickover) -> None:
        @jobs.job
        def odd() -> Mail:
            return "no mail"  # type: ignore[return-value]  # what is tested

        odd.enqueue()

        assert jobs.tick(10).failed == 1

    def test_with_text_that_no_database_takes_is_stored_in_a_safe_form(self, jobs: Tickover) -> None:
        @jobs.job
        def rude() -> str:
            return "a\0b\ud800c"

        job_id = rude.enqueue()
        jobs.tick(10)

        assert rude.result(job_id) == "a\ufffdb\ufffdc"


class TestAnException:
    def test_that_says_never_wins_wherever_it_is_in_the_chain(self, jobs: Tickover) -> None:
        def inner_first() -> None:
            try:
                raise NoRetry("never")
            except NoRetry as error:
                raise RetryAfter(5) from error

        def outer_first() -> None:
            try:
                raise RetryAfter(5)
            except RetryAfter as error:
                raise NoRetry("never") from error

        def in_a_group() -> None:
            raise ExceptionGroup("both", [RetryAfter(5), ValueError("x"), ExceptionGroup("deeper", [NoRetry("never")])])

        def around_a_step() -> None:
            try:
                raise NoRetry("never")
            except NoRetry as error:
                raise StepFailed("s", "NoRetry", "never") from error

        for index, fail in enumerate((inner_first, outer_first, in_a_group, around_a_step)):
            jobs.job(f"fail-{index}")(fail)
            jobs.enqueue(f"fail-{index}")

        report = jobs.tick(10)

        assert (report.failed, report.retried) == (4, 0)

    def test_that_names_a_delay_is_found_behind_another_one(self, world: World, jobs: Tickover) -> None:
        @jobs.job
        def fail() -> None:
            try:
                raise RetryAfter(300)
            except RetryAfter as error:
                raise ValueError("wrapped") from error

        job_id = fail.enqueue()
        jobs.tick(10)

        assert (jobs.get(job_id).run_at - world.raw.now()).total_seconds() > 290

    def test_that_names_a_delay_needs_budget_all_the_same(self, jobs: Tickover) -> None:
        @jobs.job(retries=0)
        def fail() -> None:
            raise RetryAfter(300)

        job_id = fail.enqueue()

        assert jobs.tick(10).failed == 1
        with pytest.raises(JobFailedError):
            jobs.result(job_id)

    def test_whose_causes_go_in_a_circle_is_an_exception_like_any_other(self, jobs: Tickover) -> None:
        @jobs.job(retries=0)
        def fail() -> None:
            first, second = ValueError("a"), ValueError("b")
            first.__cause__, second.__cause__ = second, first
            raise first

        fail.enqueue()

        assert jobs.tick(10).failed == 1

    @pytest.mark.parametrize("raised", [SystemExit(3), MemoryError(), KeyboardInterrupt(), GeneratorExit()], ids=repr)
    def test_that_would_end_the_event_loop_ends_one_async_job(self, jobs: Tickover, raised: BaseException) -> None:
        @jobs.job(retries=0)
        async def fail() -> None:
            raise raised

        @jobs.job
        async def fine() -> None: ...

        bad = fail.enqueue()
        for _ in range(3):
            fine.enqueue()

        report = jobs.tick(10, concurrency=2)

        assert (report.failed, report.completed) == (1, 3)
        assert jobs.get(bad).error_kind == type(raised).__name__

    def test_without_a_message_is_known_by_its_name(self, jobs: Tickover) -> None:
        @jobs.job(retries=0)
        def fail() -> None:
            raise ConnectionError

        job_id = fail.enqueue()
        jobs.tick(10)

        assert (jobs.get(job_id).error, jobs.get(job_id).error_kind) == ("ConnectionError", "ConnectionError")


class TestABackoff:
    def test_waits_longer_before_each_retry(self, world: World, jobs: Tickover) -> None:
        @jobs.job
        def fail() -> None:
            raise ValueError("boom")

        job_id = fail.enqueue()
        waits = []
        for _ in range(3):
            jobs.tick(10)
            waits.append((jobs.get(job_id).run_at - world.raw.now()).total_seconds())
            world.raw.set_instant(job_id, "run_at", -1)

        assert [wait / 2**n for n, wait in enumerate(waits, 1)] == pytest.approx([1, 1, 1], abs=0.3)

    @pytest.mark.parametrize(
        "answer",
        [lambda *_: 1 / 0, lambda *_: -5, lambda *_: "soon", lambda *_: float("nan"), lambda: 3],
        ids=["raises", "negative", "text", "nan", "takes nothing"],
    )
    def test_policy_that_is_broken_falls_back_to_the_default(
        self, world: World, jobs: Tickover, answer: Callable[..., Any]
    ) -> None:
        @jobs.job(backoff=answer)
        def fail() -> None:
            raise ValueError("boom")

        job_id = fail.enqueue()

        assert jobs.tick(10).retried == 1
        assert 1 < (jobs.get(job_id).run_at - world.raw.now()).total_seconds() < 2.5

    def test_policy_decides_by_count_and_error(self, world: World, jobs: Tickover) -> None:
        asked: list[tuple[int, str]] = []

        def policy(n: int, error: BaseException) -> float:
            asked.append((n, str(error)))
            return 100.0

        @jobs.job(backoff=policy)
        def fail() -> None:
            raise ValueError("boom")

        job_id = fail.enqueue()
        jobs.tick(10)

        assert asked == [(1, "boom")]
        assert 98 < (jobs.get(job_id).run_at - world.raw.now()).total_seconds() <= 100


class TestARowThatSomebodyElseWrote:
    @pytest.mark.parametrize(
        "text",
        ["{not json", "", "[" * 100_000, '"\\ud800"', "9" * 5000, "nulll", "[1]"],
        ids=["brace", "empty", "deep", "surrogate", "huge number", "word", "wrong shape"],
    )
    def test_hurts_only_its_own_job_and_ends_in_the_dead_letters(self, world: World, jobs: Tickover, text: str) -> None:
        taken: list[object] = []

        @jobs.job(retries=2, backoff=AT_ONCE)
        def take(value: dict[str, int] | int) -> None:
            taken.append(value)

        @jobs.on_job_start
        def watch(job: object) -> None: ...

        first, broken, last = jobs.enqueue_many(take.new(n) for n in range(3))
        world.raw.rows("UPDATE job_data SET args = :args WHERE job_id = :id", args=text, id=broken)

        report = jobs.drain(10)

        assert (report.completed, report.retried, report.failed, report.hook_errors) == (2, 2, 1, 0)
        assert [world.raw.state(job_id) for job_id in (first, broken, last)] == ["completed", "failed", "completed"]
        assert sorted(map(str, taken)) == ["0", "2"]
        assert [job.id for job in jobs.dead_letters()] == [broken], "and people can look at it"

    def test_that_does_not_fit_any_more_says_where(self, world: World, jobs: Tickover) -> None:
        @jobs.job
        def send(mail: Mail) -> None: ...

        job_id = send.enqueue(Mail(to="b"))
        world.raw.rows("UPDATE job_data SET args = :args", args='{"to":5}')

        assert jobs.tick(10).retried == 1
        assert "$.to" in (jobs.get(job_id).error or "")

    @pytest.mark.parametrize("column", ["meta", "backoff"])
    def test_in_other_columns_hurts_nobody(self, world: World, jobs: Tickover, column: str) -> None:
        @jobs.job(backoff=AT_ONCE, retries=1)
        def flaky(ctx: Context) -> None:
            if ctx.attempt == 1:
                raise ValueError("boom")

        @jobs.on_job_start
        def watch_start(job: object) -> None: ...

        @jobs.on_retry
        def watch_retry(job: object, error: Exception) -> None: ...

        broken, fine = flaky.enqueue(), flaky.enqueue()
        world.raw.set(broken, **{column: "{not json"})

        report = jobs.tick(5)

        assert (report.stopped_because, report.retried) == ("empty", 2)
        assert world.raw.state(fine) == "completed"
        assert jobs.get(broken).failures == 1
