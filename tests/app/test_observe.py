"""Hooks, middleware and events on the façade."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tickover import AsyncContext, Context, Handler, Job, Tickover, events
from tickover.errors import InvalidArgument, JobFailedError

ONE = pytest.mark.parametrize("dialect", ["sqlite"])  # refused before any database is asked
HOOKS = ["on_job_start", "on_job_complete", "on_job_waiting", "on_job_fail", "on_retry", "on_job_reclaimed"]


@ONE
@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_returned_as_it_was_and_an_async_one_is_refused(jobs: Tickover, name: str) -> None:
    def hook(*_: object) -> None: ...

    async def never_awaited(*_: object) -> None: ...

    assert getattr(jobs, name)(hook) is hook
    with pytest.raises(InvalidArgument, match="'never_awaited' is async; hooks are plain functions"):
        getattr(jobs, name)(never_awaited)
    with pytest.raises(InvalidArgument, match="A hook is a function"):
        getattr(jobs, name)("text")


def test_hooks_are_told_what_became_true(jobs: Tickover) -> None:
    told: list[tuple[Any, ...]] = []

    @jobs.on_job_start
    def started(job: Job) -> None:
        told.append(("start", job.kind, job.state, job.attempt))

    @jobs.on_job_complete
    def completed(job: Job) -> None:
        told.append(("complete", job.kind, job.state, job.result))

    @jobs.on_retry
    def retrying(job: Job, error: Exception) -> None:
        told.append(("retry", job.kind, job.state, job.attempt, str(error)))

    @jobs.on_job_fail
    def failed(job: Job, error: Exception) -> None:
        told.append(("fail", job.kind, job.state, type(error), str(error)))

    @jobs.job
    def good() -> int:
        return 5

    @jobs.job(retries=1, backoff=lambda _n, _error: 0)
    def bad() -> None:
        raise ZeroDivisionError("no")

    jobs.enqueue_many([good.new(), bad.new()])
    jobs.drain(20)

    assert sorted(told, key=str) == sorted([
        ("start", "good", "running", 1), ("complete", "good", "completed", 5), ("start", "bad", "running", 1),
        ("retry", "bad", "pending", 1, "no"), ("start", "bad", "running", 2),
        ("fail", "bad", "failed", ZeroDivisionError, "no"),
    ], key=str)  # fmt: skip


def test_a_hook_that_raises_is_counted_and_changes_nothing(
    jobs: Tickover, double: Handler[[int], int], caplog: pytest.LogCaptureFixture
) -> None:
    @jobs.on_job_complete
    def broken(job: Job) -> None:
        raise RuntimeError("hook")

    job_id = double.enqueue(4)
    report = jobs.drain(20)

    assert (report.hook_errors, report.completed, double.result(job_id)) == (1, 1, 8)
    assert "hook broken" in caplog.text


def test_middleware_is_around_both_colours_the_first_registered_outermost(jobs: Tickover) -> None:
    seen: list[str] = []

    @jobs.middleware
    def outer(ctx: Context | AsyncContext) -> Iterator[None]:
        seen.append(f"outer {ctx.kind}")
        yield
        seen.append("outer end")

    @jobs.middleware
    def inner(ctx: Context | AsyncContext) -> Iterator[None]:
        seen.append("inner")
        yield
        seen.append("inner end")

    @jobs.job
    def plain() -> None:
        seen.append("run")

    @jobs.job
    async def coloured() -> None:
        seen.append("run")

    for handler in (plain, coloured):
        handler.enqueue()
        jobs.drain(20)
        assert seen == [f"outer {handler.name}", "inner", "run", "inner end", "outer end"]
        seen.clear()


def test_what_middleware_raises_is_the_runs_failure(jobs: Tickover, double: Handler[[int], int]) -> None:
    @jobs.middleware
    def forbid(ctx: Context | AsyncContext) -> Iterator[None]:
        if ctx.attempt:
            raise PermissionError("not now")
        yield

    job_id = double.using(retries=0).enqueue(1)
    jobs.drain(20)

    with pytest.raises(JobFailedError, match="PermissionError: not now"):
        double.result(job_id)


def test_middleware_sees_the_error_and_may_translate_it(jobs: Tickover) -> None:
    @jobs.middleware
    def translate(ctx: Context | AsyncContext) -> Iterator[None]:
        try:
            yield
        except KeyError as error:
            raise LookupError("nobody of that name") from error

    @jobs.job(retries=0)
    def look() -> None:
        raise KeyError("ann")

    job_id = look.enqueue()
    jobs.drain(20)

    assert jobs.get(job_id).error == "nobody of that name"


@ONE
@pytest.mark.parametrize("wrong", [lambda _ctx: None, "text", None])
def test_middleware_that_is_no_generator_function_is_refused(jobs: Tickover, wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="takes a generator function: code, one yield, code"):
        jobs.middleware(wrong)


# --- events -------------------------------------------------------------------------------------------------------------


def test_events_tell_the_life_of_a_job_in_order_and_the_cursor_goes_on_behind_each(
    jobs: Tickover, double: Handler[[int], int]
) -> None:
    job_id = double.enqueue(1)
    double.enqueue(2)
    jobs.drain(20)
    told = [event for event in jobs.events() if event.job_id == job_id]

    assert [type(event) for event in told] == [events.JobEnqueued, events.JobStarted, events.JobCompleted]
    assert all(before.seq < after.seq for before, after in pairwise(told))
    assert list(jobs.events(job_id=job_id)) == told
    assert list(jobs.events(after=told[0].seq, job_id=job_id)) == told[1:]
    last = told[-1]
    assert isinstance(last, events.JobCompleted)
    assert last.duration is not None
    assert (last.kind, last.queue, last.attempt, last.at.utcoffset() is not None) == ("double", "default", 1, True)


def test_following_events_ends_when_the_iterator_is_closed(jobs: Tickover, double: Handler[[int], int]) -> None:
    job_id = double.enqueue(1)
    following = jobs.events(follow=True)

    assert next(following).job_id == job_id
    following.close()  # type: ignore[attr-defined]  # a generator
    assert list(following) == []


@ONE
@pytest.mark.parametrize("wrong", [-1, "5", True, None, 1.5])
def test_a_cursor_that_is_none_is_refused_at_once(jobs: Tickover, wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"after= takes the \.seq of an event, or 0"):
        jobs.events(after=wrong)
    with pytest.raises(InvalidArgument, match="is not a job id"):
        jobs.events(job_id="7")
