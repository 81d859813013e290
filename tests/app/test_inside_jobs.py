"""The façade inside a job: it goes through the tick, on the tick's own connection."""

import sqlite3
from contextlib import closing

import psycopg
import pytest

from tests.app.conftest import Wakes
from tests.app.test_pool import POSTGRES, sessions_of
from tests.support.raw import Raw
from tickover import AsyncContext, Context, Handler, Tickover
from tickover.errors import (
    ConfigurationError,
    DuplicateJob,
    InvalidArgument,
    JobFailedError,
    JobNotCompleted,
    JobNotFound,
    NoRetry,
    RetryAfter,
)


def test_a_job_may_enqueue_look_and_control(jobs: Tickover, double: Handler[[int], int]) -> None:
    waiting = double.using(delay=3600).enqueue(0)

    @jobs.job
    def parent(ctx: Context) -> list[str]:
        ids = [double.enqueue(1), jobs.enqueue("double", 2), *jobs.enqueue_many([double.new(3)])]
        assert {job.id for job in jobs.find(kind="double")} == {*ids, waiting}
        assert jobs.get(ctx.job_id).state == "running"
        with pytest.raises(JobNotCompleted):
            double.result(waiting)
        jobs.cancel(waiting)
        return ids

    job_id = parent.enqueue()
    jobs.drain(20)

    assert [double.result(child) for child in parent.result(job_id)] == [2, 4, 6]
    assert jobs.get(waiting).state == "cancelled"


def test_an_async_job_may_enqueue_too(jobs: Tickover, double: Handler[[int], int]) -> None:
    @jobs.job
    async def parent(ctx: AsyncContext, n: int) -> str:
        return double.enqueue(n)

    job_id = parent.enqueue(4)
    jobs.drain(20)

    assert double.result(parent.result(job_id)) == 8


def test_what_the_facade_refuses_reaches_the_handler(jobs: Tickover, double: Handler[[int], int]) -> None:
    held = double.using(unique="k", delay=3600).enqueue(1)

    @jobs.job
    def parent() -> str:
        with pytest.raises(JobNotFound):
            jobs.get("01900000-0000-7000-8000-000000000000")
        try:
            return double.using(unique="k").enqueue(2)
        except DuplicateJob as duplicate:
            return f"held by {duplicate.job_id}"

    job_id = parent.enqueue()
    jobs.tick(20)

    assert parent.result(job_id) == f"held by {held}"


def test_what_a_job_enqueued_stays_when_it_fails_afterwards(jobs: Tickover, double: Handler[[int], int]) -> None:
    @jobs.job(retries=0)
    def parent() -> None:
        double.enqueue(5)
        raise ValueError("afterwards")

    parent.enqueue()
    jobs.drain(20)

    assert [job.result for job in jobs.find(kind="double")] == [10]


@POSTGRES
def test_no_second_connection_is_opened(jobs: Tickover, double: Handler[[int], int], migrated_url: str) -> None:
    seen = []

    @jobs.job
    def parent() -> None:
        double.enqueue(1)
        jobs.find()
        seen.append(len(sessions_of(migrated_url)))

    parent.enqueue()
    jobs.tick(20)

    assert seen == [1]


def test_an_enqueue_inside_a_tick_does_not_wake(jobs: Tickover, double: Handler[[int], int], wakes: Wakes) -> None:
    @jobs.job
    def parent() -> None:
        double.enqueue(1)

    parent.enqueue()
    assert wakes.asked == [None]
    jobs.drain(20)

    assert wakes.asked == [None]


def test_a_session_inside_a_job_is_still_the_users_own(
    jobs: Tickover, double: Handler[[int], int], migrated_url: str, raw: Raw
) -> None:
    @jobs.job
    def parent(keep: bool) -> str:
        with closing(
            sqlite3.connect(migrated_url.removeprefix("sqlite:///"))
            if migrated_url.startswith("sqlite")
            else psycopg.connect(migrated_url)
        ) as session:
            child = double.using(session=session).enqueue(1)
            session.commit() if keep else session.rollback()
            return child

    kept, dropped = parent.enqueue(True), parent.enqueue(False)
    jobs.drain(20)

    assert jobs.get(parent.result(kept)).state == "completed"
    with pytest.raises(JobNotFound):
        jobs.get(parent.result(dropped))


def test_another_application_inside_a_job_uses_its_own_connection(jobs: Tickover) -> None:
    other = Tickover("sqlite://")
    other.migrate()

    @jobs.job
    def parent() -> str:
        return other.enqueue("elsewhere", remote=True)

    job_id = parent.enqueue()
    jobs.drain(20)

    assert other.get(parent.result(job_id)).kind == "elsewhere"
    other.close()


@pytest.mark.parametrize("verb", ["tick", "run_reaper", "drain"])
def test_a_tick_inside_a_job_is_refused(jobs: Tickover, verb: str) -> None:
    @jobs.job(retries=0)
    def parent() -> None:
        with pytest.raises(ConfigurationError, match="was called inside a job of the same application; enqueue a job"):
            getattr(jobs, verb)(1)

    job_id = parent.enqueue()
    jobs.tick(20)

    assert jobs.get(job_id).state == "completed"


def test_code_deep_inside_finds_the_context_of_its_job(jobs: Tickover) -> None:
    def deep_inside() -> str:
        return Context.current().job_id

    @jobs.job
    def parent() -> bool:
        with pytest.raises(InvalidArgument, match=r"AsyncContext\.current\(\) is for code that a job runs"):
            AsyncContext.current()
        return deep_inside() == Context.current().job_id

    @jobs.job
    async def coloured() -> bool:
        return AsyncContext.current().kind == "coloured"

    ids = jobs.enqueue_many([parent.new(), coloured.new()])
    jobs.drain(20)

    assert [jobs.result(job_id) for job_id in ids] == [True, True]
    with pytest.raises(InvalidArgument, match=r"Context\.current\(\) is for code that a job runs"):
        Context.current()


def test_the_context_knows_its_job(jobs: Tickover) -> None:
    @jobs.job(queue="q", retries=1, backoff=lambda _n, _error: 0)
    def facts(ctx: Context) -> dict[str, object]:
        if ctx.attempt == 1:
            raise ValueError("once")
        ctx.progress(0.5, "half")
        ctx.check()
        job_id, epoch = ctx.fence
        return {
            "kind": ctx.kind, "queue": ctx.queue, "attempt": ctx.attempt, "tenant": ctx.tenant, "meta": dict(ctx.meta),
            "slot": ctx.slot, "epoch": epoch, "same": job_id == ctx.job_id, "key": ctx.key("charge") == f"{job_id}:charge",
            "time": 0 < ctx.remaining < 60,
        }  # fmt: skip

    job_id = facts.using(tenant="acme", meta={"a": 1}).enqueue()
    jobs.drain(20)

    assert facts.result(job_id) == {
        "kind": "facts", "queue": "q", "attempt": 2, "tenant": "acme", "meta": {"a": 1}, "slot": None, "epoch": 2,
        "same": True, "key": True, "time": True,
    }  # fmt: skip
    assert jobs.get(job_id).progress == (0.5, "half")


@pytest.mark.parametrize("wrong", ["half", None, float("nan")])
def test_progress_that_is_no_number_is_refused(jobs: Tickover, wrong: float) -> None:
    @jobs.job(retries=0)
    def work(ctx: Context) -> None:
        ctx.progress(wrong)

    job_id = work.enqueue()
    jobs.drain(20)

    with pytest.raises(JobFailedError, match="progress takes a fraction from 0 to 1"):
        work.result(job_id)


def test_no_retry_ends_the_job_and_wins_over_retry_after_wherever_it_is_in_the_chain(jobs: Tickover) -> None:
    @jobs.job(retries=5)
    def chained() -> None:
        raise RetryAfter(0, "later") from NoRetry("invalid input")

    job_id = chained.enqueue()
    report = jobs.tick(20)

    assert (report.failed, report.retried, jobs.get(job_id).state) == (1, 0, "failed")


def test_retry_after_waits_exactly_that_long(jobs: Tickover) -> None:
    @jobs.job(retries=1)
    def limited() -> None:
        raise RetryAfter(300, "rate limited")

    job_id = limited.enqueue()
    before = jobs.get(job_id).created_at
    jobs.tick(20)
    job = jobs.get(job_id)

    assert (job.state, job.error, job.failures) == ("pending", "rate limited", 1)
    assert 300 <= (job.run_at - before).total_seconds() < 330
