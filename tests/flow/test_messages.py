"""What somebody reads who uses a verb wrongly for the first time: it says what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tickover import CollectAll, Context, Tickover

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"])


def nothing() -> None: ...


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda ctx, job: ctx.fan_out(job.new()), "ctx.fan_out takes a list of handler.new(…) or NewJob(…), not NewJob("),
        (lambda ctx, job: ctx.fan_out([job]), "A new job is handler.new(…) or NewJob(…), not <job 'other'>."),
        (lambda ctx, job: ctx.fan_out([job.new()], strategy=CollectAll()), "ctx.fan_out has no option strategy; it takes"),
        (lambda ctx, job: ctx.fan_out([job.new()], delay=5), "ctx.fan_out has no option delay; it takes"),
        (lambda ctx, job: ctx.fan_out([job.new()], CollectAll), "A strategy is FailFast(), CollectAll() or"),
        (lambda ctx, job: ctx.step("a", job), "ctx.call(handler, …) runs it here; ctx.step takes a plain function."),
        (lambda ctx, job: ctx.step("a", None), "takes a function and its arguments, not None."),
        (lambda ctx, job: ctx.step("a", lambda: ctx.sleep(1)), "nothing else: take steps in the handler."),
        (lambda ctx, job: ctx.call(nothing), "ctx.step runs plain functions."),
        (lambda ctx, job: ctx.call("othr"), "Did you mean 'other'?"),
        (lambda ctx, job: ctx.enqueue(job), "ctx.enqueue takes handler.new(…) or NewJob(…), not <job 'other'>."),
        (lambda ctx, job: ctx.using(queue="a").call(job), "Options of a job belong to .using(…) of its handler."),
        (lambda ctx, job: ctx.sleep(-1), "must be from 0 to 315,360,000 seconds, not -1."),
    ],
)  # fmt: skip
def test_a_verb_that_is_used_wrongly_says_how_it_is_meant(wrong: Callable[..., Any], told: str, jobs: Tickover) -> None:
    @jobs.job
    def other() -> None: ...

    @jobs.job(retries=0)
    def flow(ctx: Context) -> None:
        wrong(ctx, other)

    job_id = flow.enqueue()
    jobs.drain(10)

    assert told in str(jobs.get(job_id).error)


def test_a_failed_fan_out_says_what_its_first_failed_child_said(jobs: Tickover) -> None:
    @jobs.job(retries=0)
    def child(n: int) -> int:
        if n == 1:
            raise ValueError("the second one is broken")
        return n

    @jobs.job
    def flow(ctx: Context) -> None:
        ctx.fan_out([child.new(n) for n in range(2)])

    job_id = flow.enqueue()
    jobs.drain(10)

    job = jobs.get(job_id)
    assert job.error_kind == "FanOutFailed"
    assert str(job.error).endswith(f"Child {job.children[1]} failed: ValueError: the second one is broken")


def test_the_children_may_be_made_by_steps_one_after_the_other(jobs: Tickover) -> None:
    @jobs.job
    def child(n: int) -> int:
        return n

    @jobs.job
    def flow(ctx: Context) -> list[int]:
        results = ctx.fan_out(child.new(ctx.step("n", int, n)) for n in (1, 2))
        return [result.value for result in results]

    job_id = flow.enqueue()
    jobs.drain(10)

    assert flow.result(job_id) == [1, 2]
