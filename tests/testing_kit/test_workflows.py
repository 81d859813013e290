"""Workflows under the kit: a human's approval with a three-day timeout is a test of milliseconds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import BaseModel

from tickover import AsyncContext, Context, Handler, Tickover, errors
from tickover.testing import Kit


class Approval(BaseModel):
    by: str
    ok: bool


class Shop:
    """An expense that is approved, refused, or expires."""

    def __init__(self, jobs: Tickover) -> None:
        @jobs.job
        def send(to: str) -> str:
            raise AssertionError("nobody is to get an e-mail")

        @jobs.job
        def approve(ctx: Context, expense: int) -> str:
            ctx.call(send, f"boss {expense}")
            approval = ctx.wait_for_signal("approval", returns=Approval, timeout=timedelta(days=3))
            if approval is None:
                return "expired"
            return "approved" if approval.ok else f"refused by {approval.by}"

        self.send: Handler[[str], str] = send
        self.approve: Handler[[int], str] = approve


@pytest.fixture
def shop(jobs: Tickover, kit: Kit) -> Shop:
    shop = Shop(jobs)
    kit.replace(shop.send, lambda to: f"faked {to}")
    return shop


def test_it_expires_after_three_days_and_not_before(jobs: Tickover, kit: Kit, shop: Shop) -> None:
    job_id = shop.approve.enqueue(7)
    kit.drain()
    kit.clock.advance(days=2, hours=23)
    kit.drain()
    assert jobs.get(job_id).state == "waiting"
    kit.clock.advance(hours=1)
    kit.drain()
    assert shop.approve.result(job_id) == "expired"


def test_it_is_approved(jobs: Tickover, kit: Kit, shop: Shop) -> None:
    job_id = shop.approve.enqueue(7)
    kit.drain()
    jobs.signal(job_id, "approval", Approval(by="a manager", ok=True))
    kit.drain()
    assert shop.approve.result(job_id) == "approved"


def test_a_workflow_calls_the_fake(jobs: Tickover, kit: Kit, shop: Shop) -> None:
    job_id = shop.approve.enqueue(7)
    kit.drain()
    assert [step.value for step in jobs.get(job_id).steps if step.key.startswith("send")] == ["faked boss 7"]


def test_run_goes_over_timers_and_timeouts(jobs: Tickover, kit: Kit, shop: Shop) -> None:
    @jobs.job
    async def nap(ctx: AsyncContext) -> str:
        await ctx.sleep(timedelta(days=30))
        return "slept"

    before = kit.clock.now()
    assert kit.run(nap) == "slept"
    assert kit.clock.now() - before == timedelta(days=30)
    assert kit.run(shop.approve, 7) == "expired"


def test_run_says_what_it_waits_for_when_no_time_ends_that(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def ask(ctx: Context) -> None:
        ctx.wait_for_signal("approval", returns=Approval)

    with pytest.raises(errors.JobNotCompleted, match="waiting for signal approval"):
        kit.run(ask)


def test_a_fan_out_runs_to_its_end(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def double(n: int) -> int:
        return 2 * n

    @jobs.job
    def total(ctx: Context, most: int) -> int:
        return sum(result.value for result in ctx.fan_out([double.new(n) for n in range(most)]))

    assert kit.run(total, 10) == 90
    assert len(kit.enqueued(double)) == 10


def test_steps_longer_than_a_tick_go_on_in_the_next_one(jobs: Tickover, kit: Kit) -> None:
    ran: list[int] = []

    @jobs.job
    def long(ctx: Context) -> int:
        for n in range(4):
            ctx.step("work", slow, n)
        return len(ran)

    def slow(n: int) -> None:
        ran.append(n)
        kit.clock.advance(seconds=20)

    job_id = long.enqueue()
    kit.drain()
    assert long.result(job_id) == 4
    assert jobs.get(job_id).yields >= 1
