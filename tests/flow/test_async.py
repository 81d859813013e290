"""`async def` handlers: the same verbs, awaited; siblings at once."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

import pytest

from tests.flow.test_steps import AT_ONCE, keys
from tickover import AsyncContext, StepFailed, Tickover, values
from tickover.errors import InvalidArgument


async def plus_one(n: int) -> int:
    return n + 1


def test_the_verbs_are_awaited(jobs: Tickover) -> None:
    @jobs.job
    def child(n: int) -> int:
        return n * n

    @jobs.job
    async def inner(ctx: AsyncContext, n: int) -> int:
        return await ctx.step("plus", plus_one, n)

    @jobs.job(backoff=AT_ONCE)
    async def flow(ctx: AsyncContext) -> list[int]:
        one = await ctx.call(inner, 0)
        await ctx.sleep(0.05)
        squares = values(await ctx.fan_out([child.new(n) for n in (2, 3)]))
        said = await ctx.wait_for_signal("n", returns=int)
        callback = await ctx.callback("c", returns=int, timeout=0.05)
        assert await callback.wait() is None
        enqueued = await ctx.enqueue(child.new(9))
        assert jobs.get(enqueued).kind == "child"
        return [one, *squares, said, *await ctx.drain_signals("n", returns=int)]

    job_id = flow.enqueue()
    for n in (7, 8):
        jobs.signal(job_id, "n", n)
    jobs.drain(20)

    assert flow.result(job_id) == [1, 4, 9, 7, 8]


def test_a_def_function_runs_in_a_thread_and_holds_up_nobody(jobs: Tickover) -> None:
    there = threading.Event()

    def wait_for_the_loop() -> str:
        assert there.wait(20)
        return threading.current_thread().name

    async def say() -> None:
        there.set()

    @jobs.job
    async def flow(ctx: AsyncContext) -> str:
        name, _ = await ctx.gather(ctx.step("wait", wait_for_the_loop), ctx.step("say", say))
        return name

    job_id = flow.enqueue()
    jobs.drain(30)

    assert flow.result(job_id) == "tickover-step"


def test_siblings_run_at_once_and_each_is_recorded_in_the_order_of_their_making(jobs: Tickover) -> None:
    both = asyncio.Barrier(2)
    runs: Counter[str] = Counter()

    async def meet(name: str) -> str:
        runs[name] += 1
        await both.wait()
        return name

    @jobs.job(backoff=AT_ONCE)
    async def flow(ctx: AsyncContext) -> list[str]:
        pair = await ctx.gather(ctx.step("meet", meet, "a"), ctx.step("meet", meet, "b"))
        if ctx.attempt == 1:
            raise ConnectionError
        return list(pair)

    job_id = flow.enqueue()
    jobs.drain(20)

    assert flow.result(job_id) == ["a", "b"]
    assert runs == {"a": 1, "b": 1}
    assert {step.key: step.value for step in jobs.get(job_id).steps} == {"meet#0": "a", "meet#1": "b"}


def test_a_failed_sibling_that_nobody_catches_is_taken_again_and_its_sister_is_not(jobs: Tickover) -> None:
    runs: Counter[str] = Counter()

    async def good() -> None:
        runs["good"] += 1

    async def bad() -> None:
        runs["bad"] += 1
        if runs["bad"] == 1:
            raise ValueError("not yet")

    @jobs.job(backoff=AT_ONCE)
    async def flow(ctx: AsyncContext) -> None:
        await ctx.gather(ctx.step("bad", bad), ctx.step("good", good))

    job_id = flow.enqueue()
    jobs.drain(20)

    assert jobs.get(job_id).state == "completed"
    assert runs == {"good": 1, "bad": 2}


def test_a_caught_failure_of_a_sibling_is_caught_again_by_a_replay(jobs: Tickover) -> None:
    runs: Counter[str] = Counter()
    branches: list[str] = []

    async def bad(name: str) -> None:
        runs[name] += 1
        raise ValueError(name)

    @jobs.job(backoff=AT_ONCE)
    async def flow(ctx: AsyncContext) -> None:
        try:
            await ctx.gather(*[ctx.step("bad", bad, name) for name in "abc"])
        except StepFailed as failed:
            branches.append(failed.message)
        await ctx.step("after", plus_one, 1)
        if ctx.attempt == 1:
            raise ConnectionError

    job_id = flow.enqueue()
    jobs.drain(20)

    assert jobs.get(job_id).state == "completed"
    assert branches == ["a", "a"]
    assert runs == {"a": 1, "b": 1, "c": 1}


def test_what_waits_is_refused_among_siblings(jobs: Tickover) -> None:
    @jobs.job(retries=0)
    async def flow(ctx: AsyncContext) -> None:
        await ctx.gather(ctx.step("plus", plus_one, 1), ctx.sleep(3600))

    job_id = flow.enqueue()
    jobs.drain(10)

    assert "ctx.gather runs steps and calls" in str(jobs.get(job_id).error)


def test_two_tasks_that_use_the_context_at_once_are_refused(jobs: Tickover) -> None:
    refused: list[str] = []

    @jobs.job
    async def flow(ctx: AsyncContext) -> None:
        meeting = asyncio.Event()

        async def first() -> None:
            await meeting.wait()

        async def second() -> None:
            try:
                await ctx.step("second", plus_one, 1)
            except InvalidArgument as error:
                refused.append(str(error))
            meeting.set()

        task = asyncio.create_task(ctx.step("first", first))
        await asyncio.sleep(0)
        await second()
        await task

    flow.enqueue()
    assert jobs.drain(20).completed == 1
    assert "ctx.gather" in refused[0]


def test_a_step_is_cancelled_at_its_timeout(jobs: Tickover) -> None:
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    @jobs.job
    async def flow(ctx: AsyncContext) -> str:
        with pytest.raises(StepFailed) as failed:
            await ctx.using(timeout=0.05).step("slow", slow)
        return failed.value.error_kind

    job_id = flow.enqueue()
    jobs.drain(20)

    assert (flow.result(job_id), ended) == ("TimedOut", ["cleaned up"])


def test_pages_are_walked_with_async_for(jobs: Tickover) -> None:
    async def page(cursor: int) -> tuple[list[int], int | None]:
        return [cursor, cursor + 1], cursor + 2 if cursor < 4 else None

    @jobs.job
    async def flow(ctx: AsyncContext) -> int:
        pages = ctx.each("numbers", page, start=0, state=0)
        async for items in pages:
            pages.state += await ctx.step("sum", sum, items)
        return pages.state

    job_id = flow.enqueue()
    jobs.drain(20)

    assert flow.result(job_id) == 15
    assert keys(jobs, job_id) == ["numbers#0"], "a finished page covers its steps"


def test_a_branch_of_several_steps_numbers_its_own_whichever_branch_is_faster(jobs: Tickover) -> None:
    overtaken = asyncio.Event()

    async def first(name: str) -> str:
        if name == "slow":
            await overtaken.wait()
        return name

    async def second(name: str) -> str:
        overtaken.set()
        return name.upper()

    @jobs.job(backoff=AT_ONCE)
    async def flow(ctx: AsyncContext) -> list[str]:
        async def branch(name: str) -> str:
            return await ctx.step("second", second, await ctx.step("first", first, name))

        both = await ctx.gather(branch("slow"), branch("fast"))
        after = await ctx.step("first", first, "after")
        if ctx.attempt == 1:
            raise ConnectionError
        return [*both, after]

    job_id = flow.enqueue()
    jobs.drain(20)

    assert flow.result(job_id) == ["SLOW", "FAST", "after"]
    assert {step.key: step.value for step in jobs.get(job_id).steps} == {
        "gather#0[0]/first#0": "slow", "gather#0[0]/second#0": "SLOW",
        "gather#0[1]/first#0": "fast", "gather#0[1]/second#0": "FAST", "first#0": "after",
    }  # fmt: skip
