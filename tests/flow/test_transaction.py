"""`ctx.transaction`: the effect, the checkpoint and the fence in one commit."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.flow.test_steps import AT_ONCE, keys, once
from tests.support.world import World
from tickover import AsyncContext, Context, StepFailed, Tickover
from tickover.errors import InvalidArgument


@pytest.fixture(autouse=True)
def accounts(world: World) -> None:
    world.raw.rows("CREATE TABLE accounts (owner text, cents int)")


def pay(connection: Connection, owner: str, cents: int) -> int:
    connection.execute(text("INSERT INTO accounts VALUES (:owner, :cents)"), {"owner": owner, "cents": cents})
    return cents


def balance(world: World) -> list[tuple[Any, ...]]:
    return world.raw.rows("SELECT owner, cents FROM accounts ORDER BY cents")


def test_the_effect_happens_once_whatever_the_retries(jobs: Tickover, world: World) -> None:
    @jobs.job(backoff=AT_ONCE)
    def flow(ctx: Context) -> int:
        paid = ctx.transaction("pay", pay, "a", 7)
        once(ctx)
        return paid

    job_id = flow.enqueue()
    jobs.drain(20)

    assert (flow.result(job_id), balance(world)) == (7, [("a", 7)])
    assert keys(jobs, job_id) == ["pay#0"]


def test_what_raises_leaves_neither_effect_nor_record(jobs: Tickover, world: World) -> None:
    def pay_and_fail(connection: Connection) -> None:
        pay(connection, "a", 7)
        raise ValueError("no")

    @jobs.job
    def flow(ctx: Context) -> str:
        with pytest.raises(StepFailed) as failed:
            ctx.transaction("pay", pay_and_fail)
        return failed.value.error_kind

    job_id = flow.enqueue()
    jobs.drain(20)

    assert (flow.result(job_id), balance(world)) == ("ValueError", [])


def test_a_run_that_lost_its_job_leaves_no_effect(jobs: Tickover, world: World) -> None:
    """An operator cancels between the user's statements and the commit: the fence refuses the whole transaction."""
    other = world.app()
    ends: list[str] = []

    def pay_slowly(connection: Connection, job_id: str) -> None:
        pay(connection, "a", 7)
        if connection.dialect.name == "postgresql":
            other.cancel(job_id)

    @jobs.job
    def flow(ctx: Context) -> None:
        try:
            if world.dialect == "sqlite":  # one writer: the cancel comes before the turn
                other.cancel(ctx.job_id)
            ctx.transaction("pay", pay_slowly, ctx.job_id)
        except BaseException as error:
            ends.append(type(error).__name__)
            raise

    job_id = flow.enqueue()
    jobs.drain(10)

    assert (jobs.get(job_id).state, balance(world), ends) == ("cancelled", [], ["LeaseLost"])


@pytest.mark.parametrize("verb", ["step", "find", "enqueue"])
def test_nothing_of_ours_may_be_used_inside(jobs: Tickover, verb: str) -> None:
    @jobs.job
    def flow(ctx: Context) -> None:
        def inside(_connection: Connection) -> None:
            match verb:
                case "step":
                    ctx.step("s", lambda: 1)
                case "find":
                    jobs.find()
                case _:
                    flow.enqueue()

        with pytest.raises(StepFailed) as failed:
            ctx.transaction("t", inside)
        assert failed.value.error_kind == InvalidArgument.__name__

    flow.enqueue()
    assert jobs.drain(10).completed == 1


def test_an_enqueue_may_join_it(jobs: Tickover, world: World) -> None:
    @jobs.job
    def child() -> None: ...

    def book(connection: Connection, *, fail: bool) -> str:
        job_id = child.using(session=connection).enqueue()
        if fail:
            raise ValueError
        return job_id

    @jobs.job
    def flow(ctx: Context) -> str:
        with pytest.raises(StepFailed):
            ctx.transaction("fails", book, fail=True)
        return ctx.transaction("books", book, fail=False)

    job_id = flow.enqueue()
    jobs.drain(20)

    assert [job.id for job in jobs.find(kind="child")] == [flow.result(job_id)]


def test_of_an_async_handler_runs_beside_its_loop(jobs: Tickover, world: World) -> None:
    @jobs.job
    async def flow(ctx: AsyncContext) -> int:
        return await ctx.transaction("pay", pay, "a", 7)

    job_id = flow.enqueue()
    jobs.drain(20)

    assert (flow.result(job_id), balance(world)) == (7, [("a", 7)])


def test_one_at_a_time_and_the_others_wait_their_turn(jobs: Tickover, world: World) -> None:
    inside: list[int] = []
    most: list[int] = []

    def count(connection: Connection) -> None:
        inside.append(1)
        most.append(len(inside))
        pay(connection, "a", len(most))
        inside.pop()

    @jobs.job
    def flow(ctx: Context) -> None:
        for _ in range(3):
            ctx.transaction("count", count)

    for _ in range(4):
        flow.enqueue()
    jobs.drain(30, concurrency=4)

    assert len(balance(world)) == 12
    assert max(most) == 1


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_on_sqlite_the_turn_is_taken_back_from_one_that_takes_too_long(world: World) -> None:
    jobs = world.app(lease=20, transaction_timeout=0.3)
    noticed = threading.Event()

    def dawdle(connection: Connection) -> None:
        pay(connection, "a", 7)
        assert not noticed.wait(1.5)
        pay(connection, "a", 8)

    @jobs.job
    def flow(ctx: Context) -> str:
        with pytest.raises(StepFailed) as failed:
            ctx.transaction("dawdle", dawdle)
        return failed.value.message

    job_id = flow.enqueue()
    jobs.drain(20)

    assert "transaction_timeout" in str(flow.result(job_id))
    assert balance(world) == []
