"""What becomes of a job after each way a run can end (5-semantics, Attempts), through whole ticks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.world import World
from tickover import AsyncContext, Context, ExponentialBackoff, NoRetry, RetryAfter, Tickover

AT_ONCE = ExponentialBackoff(initial=0)


def test_a_returned_value_is_the_result(jobs: Tickover) -> None:
    @jobs.job
    def double(n: int) -> int:
        return 2 * n

    job_id = double.enqueue(21)
    report = jobs.tick(5)
    assert (report.claimed, report.completed, report.stopped_because) == (1, 1, "empty")
    assert double.result(job_id) == 42


@pytest.mark.parametrize("retries", [0, 1, 2, 3])
def test_n_retries_are_n_plus_one_runs_at_most(jobs: Tickover, retries: int) -> None:
    attempts: list[int] = []

    @jobs.job(backoff=AT_ONCE)
    def always(ctx: Context) -> None:
        attempts.append(ctx.attempt)
        raise ValueError("no")

    job_id = always.using(retries=retries).enqueue()
    jobs.drain(10)
    assert attempts == list(range(1, retries + 2))
    job = jobs.get(job_id)
    assert (job.state, job.failures, job.error, job.error_kind) == ("failed", retries + 1, "no", "ValueError")


def test_a_failure_is_retried_after_two_seconds_give_or_take_a_tenth(jobs: Tickover) -> None:
    @jobs.job
    def flaky() -> None:
        raise ConnectionError("temporary")

    job_id = flaky.enqueue()
    report = jobs.tick(5)
    job = jobs.get(job_id)
    assert (report.retried, job.state, job.attempt) == (1, "pending", 1)
    assert job.started_at is not None
    assert timedelta(seconds=1.7) < job.run_at - job.started_at < timedelta(seconds=3)


def test_retry_after_waits_exactly_what_it_says(jobs: Tickover) -> None:
    @jobs.job
    def limited() -> None:
        raise RetryAfter(300, "rate limited")

    job_id = limited.enqueue()
    jobs.tick(5)
    job = jobs.get(job_id)
    assert job.started_at is not None
    assert timedelta(seconds=300) <= job.run_at - job.started_at < timedelta(seconds=302)
    assert job.error == "rate limited"


def test_no_retry_ends_the_job_whatever_is_left_and_wins_over_retry_after(jobs: Tickover) -> None:
    @jobs.job
    def hopeless() -> None:
        try:
            raise NoRetry("invalid input")  # the chain is what is tested
        except NoRetry as error:
            raise RetryAfter(1, "later") from error

    job_id = hopeless.using(retries=9).enqueue()
    jobs.tick(5)
    assert (jobs.get(job_id).state, jobs.get(job_id).failures) == ("failed", 1)


@pytest.mark.parametrize("error", [SystemExit(3), MemoryError(), RecursionError("deep"), KeyboardInterrupt()])
def test_what_would_end_a_program_is_only_a_failure_of_its_job(jobs: Tickover, error: BaseException) -> None:
    @jobs.job(retries=0)
    def rude() -> None:
        raise error

    @jobs.job
    def polite() -> str:
        return "fine"

    bad, good = rude.enqueue(), polite.enqueue()
    jobs.tick(5)
    assert (jobs.get(bad).state, jobs.get(bad).error_kind) == ("failed", type(error).__name__)
    assert polite.result(good) == "fine"


def test_an_exception_whose_message_cannot_be_made_is_still_recorded(jobs: Tickover) -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    @jobs.job(retries=0)
    def broken() -> None:
        raise Unspeakable

    job_id = broken.enqueue()
    jobs.tick(5)
    assert "Unspeakable" in str(jobs.get(job_id).error)


@pytest.mark.parametrize("message", ["nul \0 inside", "lone \ud800 surrogate", "x" * 100_000])
def test_an_error_message_can_never_fail_the_failing(jobs: Tickover, message: str) -> None:
    @jobs.job(retries=0)
    def bad() -> None:
        raise ValueError(message)

    job_id = bad.enqueue()
    jobs.tick(5)
    job = jobs.get(job_id)
    assert job.state == "failed"
    assert 0 < len(job.error or "") <= 4096


def test_a_result_that_cannot_be_stored_ends_the_job_at_once(jobs: Tickover) -> None:
    @jobs.job(retries=5)
    def handle() -> object:
        return open  # a function has no JSON form

    job_id = handle.enqueue()
    jobs.tick(5)
    job = jobs.get(job_id)
    assert (job.state, job.failures) == ("failed", 1)
    assert "cannot be stored" in str(job.error)


def test_a_row_that_cannot_be_decoded_hurts_only_itself(world: World, jobs: Tickover) -> None:
    @jobs.job(retries=0)
    def double(n: int) -> int:
        return 2 * n

    bad, good = double.enqueue(1), double.enqueue(2)
    world.raw.rows("UPDATE job_data SET args = 'not json' WHERE job_id = :id", id=bad)
    jobs.tick(5)
    assert (jobs.get(bad).state, jobs.get(bad).error_kind) == ("failed", "PayloadError")
    assert double.result(good) == 4


def test_a_payload_that_is_missing_ends_the_job_instead_of_using_up_its_retries(world: World, jobs: Tickover) -> None:
    @jobs.job(retries=3)
    def double(n: int) -> int:
        return 2 * n

    job_id = double.enqueue(1)
    world.raw.rows("UPDATE job_data SET args = NULL WHERE job_id = :id", id=job_id)
    jobs.tick(5)
    assert (jobs.get(job_id).state, jobs.get(job_id).failures) == ("failed", 1)


def test_a_job_of_a_kind_unknown_here_is_deferred_and_not_failed(world: World) -> None:
    (job_id,) = world.add(1)
    report = world.jobs.tick(5)
    job = world.jobs.get(job_id)
    assert (report.released, job.state, job.failures, job.released) == (1, "pending", 0, 1)
    assert job.run_at > datetime.now(UTC) + timedelta(seconds=5)


def test_async_handlers_run_side_by_side_on_one_loop(jobs: Tickover) -> None:
    import asyncio

    together: list[asyncio.Event] = []

    @jobs.job
    async def meet(ctx: AsyncContext, n: int) -> int:
        await ctx.check()
        together.append(asyncio.Event())
        if len(together) == 3:
            for event in together:
                event.set()
        await asyncio.wait_for(together[-1].wait(), 10)
        return n

    ids = [meet.enqueue(n) for n in range(3)]
    report = jobs.tick(15)
    assert report.completed == 3
    assert [meet.result(job_id) for job_id in ids] == [0, 1, 2]


def test_priorities_are_exact_with_one_slot(jobs: Tickover) -> None:
    order: list[str] = []

    @jobs.job
    def task(name: str) -> None:
        order.append(name)

    for name, priority in [("low-1", 1), ("low-2", 1), ("URGENT", 100), ("medium", 50), ("CRITICAL", 1000)]:
        task.using(priority=priority).enqueue(name)
    jobs.tick(5, concurrency=1)
    assert order == ["CRITICAL", "URGENT", "medium", "low-1", "low-2"]


def test_max_jobs_is_never_exceeded_and_the_rest_is_announced(jobs: Tickover) -> None:
    from tickover import Budget

    @jobs.job
    def work(n: int) -> None: ...

    jobs.enqueue_many(work.new(n) for n in range(25))
    report = jobs.tick(Budget(5, max_jobs=10))
    assert (report.claimed, report.completed, report.stopped_because, report.more) == (10, 10, "max_jobs", True)
