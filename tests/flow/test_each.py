"""`ctx.each`: pages over many ticks, each step once, with cursor and state in one replaced checkpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from tests.flow.test_steps import AT_ONCE, keys
from tickover import Budget, Context, Tickover
from tickover.errors import InvalidArgument

LAST = 90


def page(cursor: int) -> tuple[list[int], int | None]:
    return list(range(cursor, cursor + 10)), cursor + 10 if cursor + 10 <= LAST else None


class Totals(BaseModel):
    count: int = 0
    sum: int = 0


def test_every_item_comes_once_and_the_record_stays_small(jobs: Tickover) -> None:
    @jobs.job
    def flow(ctx: Context) -> int:
        pages = ctx.each("numbers", page, start=0, state=0)
        for items in pages:
            pages.state += ctx.step("sum", sum, items)
        return pages.state

    job_id = flow.enqueue()
    jobs.drain(20)

    assert flow.result(job_id) == sum(range(100))
    assert keys(jobs, job_id) == ["numbers#0"]


def test_an_attempt_goes_on_with_its_page_and_takes_no_step_twice(jobs: Tickover) -> None:
    runs: Counter[int] = Counter()

    def take(items: Sequence[int]) -> int:
        runs[items[0]] += 1
        return len(items)

    @jobs.job(backoff=AT_ONCE)
    def flow(ctx: Context) -> int:
        pages = ctx.each("numbers", page, start=0, state=0)
        for items in pages:
            pages.state += ctx.step("take", take, items)
            if items[0] == 50 and ctx.attempt == 1:
                raise ConnectionError
        return pages.state

    job_id = flow.enqueue()
    jobs.drain(20)

    assert flow.result(job_id) == 100
    assert set(runs.values()) == {1}
    assert jobs.get(job_id).failures == 1


def test_the_state_keeps_its_type(jobs: Tickover) -> None:
    seen: list[type] = []

    @jobs.job(backoff=AT_ONCE)
    def flow(ctx: Context) -> int:
        pages = ctx.each("numbers", page, start=0, state=Totals())
        seen.append(type(pages.state))
        for items in pages:
            pages.state = Totals(count=pages.state.count + 1, sum=pages.state.sum + sum(items))
            if pages.state.count == 3 and ctx.attempt == 1:
                raise ConnectionError
        return pages.state.sum

    job_id = flow.enqueue()
    jobs.drain(20)

    assert (flow.result(job_id), seen) == (sum(range(100)), [Totals, Totals])


def test_a_loop_longer_than_a_tick_goes_on_in_the_next_ones(jobs: Tickover) -> None:
    runs: Counter[int] = Counter()

    @jobs.job
    def flow(ctx: Context) -> int:
        pages = ctx.each("numbers", page, start=0, state=0)
        for items in pages:
            runs[items[0]] += 1
            pages.state += len(items)
            if items[0] in (20, 60):
                ctx.flow.run.tell("deadline")  # what the tick says when its time is up
        return pages.state

    job_id = flow.enqueue()
    ticks = 0
    while jobs.get(job_id).state != "completed":
        jobs.tick(Budget(20))
        ticks += 1
        assert ticks < 10

    assert flow.result(job_id) == 100
    assert jobs.get(job_id).yields == 2
    assert set(runs.values()) == {1}


@pytest.mark.parametrize("wrong", [None, [1], ([1], 2, 3)])
def test_a_function_that_gives_no_page_is_refused(jobs: Tickover, wrong: Any) -> None:
    @jobs.job(retries=0)
    def flow(ctx: Context) -> None:
        for _ in ctx.each("numbers", lambda _cursor: wrong, start=0, state=0):
            pass

    job_id = flow.enqueue()
    jobs.drain(10)

    assert jobs.get(job_id).error_kind == InvalidArgument.__name__


def test_two_loops_one_after_the_other_and_one_inside_the_other_have_pages_of_their_own(jobs: Tickover) -> None:
    def two(cursor: int) -> tuple[list[int], int | None]:
        return [cursor], cursor + 1 if cursor == 0 else None

    @jobs.job(backoff=AT_ONCE)
    def flow(ctx: Context) -> list[list[int]]:
        found: list[list[int]] = []
        outer = ctx.each("outer", two, start=0, state=0)
        for first in outer:
            inner = ctx.each("inner", two, start=0, state=0)
            found.extend(ctx.step("pair", lambda a, b: [a, b], first[0], second[0]) for second in inner)
        if ctx.attempt == 1:
            raise ConnectionError
        return found

    job_id = flow.enqueue()
    jobs.drain(20)

    assert jobs.get(job_id).state == "completed"
    assert flow.result(job_id) == [], "finished pages do not run again"
