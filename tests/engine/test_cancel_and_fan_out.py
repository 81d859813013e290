"""What a cancel decides is told and done at once; a verdict counts, whatever becomes of the children until it is seen."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.support.world import World
from tickover import CollectAll, Context, FailFast, NoRetry, Settings, Tickover, faults
from tickover.errors import FanOutFailed


@pytest.fixture
def jobs(world: World) -> Tickover:
    return world.app(lease=20)


def family(jobs: Tickover, strategy: Any, **options: Any) -> Any:
    """A parent with children that wait for a signal; the child of a negative number fails."""

    @jobs.job
    def child(ctx: Context, n: int) -> int:
        if n < 0:
            raise NoRetry("this child fails")
        ctx.wait_for_signal("go", returns=int)
        return n

    @jobs.job
    def parent(ctx: Context, numbers: list[int]) -> str:
        try:
            ctx.fan_out([child.new(n) for n in numbers], strategy, **options)
        except FanOutFailed:
            ctx.wait_for_signal("end", returns=int)
            return "failed"
        return "completed"

    return parent


def work(jobs: Tickover) -> None:
    """Ticks until everybody waits; no reaper."""
    while jobs.tick(20).claimed:
        pass


def children(world: World) -> list[str]:
    found = world.raw.rows("SELECT state FROM jobs WHERE parent_id IS NOT NULL ORDER BY fan_out_index")
    return [state for (state,) in found]


def test_a_time_limit_is_enforced_without_the_parent(jobs: Tickover, world: World) -> None:
    job = family(jobs, CollectAll(), timeout=3600, cancel_on_failure=True).enqueue([1, 2])
    work(jobs)
    jobs.pause_job(job)
    world.raw.shift("fan_outs", "timeout_at", -7200)

    assert jobs.run_reaper(20).cancelled == 2

    assert world.raw.rows("SELECT status, cancelled FROM fan_outs") == [("timed_out", 2)]
    assert children(world) == ["cancelled"] * 2
    assert jobs.get(job).state == "paused"
    jobs.resume_job(job)
    work(jobs)
    jobs.signal(job, "end", 1)
    work(jobs)
    assert jobs.result(job) == "failed"


def test_a_cancel_stops_the_siblings_that_were_not_to_outlive_it(jobs: Tickover, world: World) -> None:
    family(jobs, FailFast(), cancel_on_failure=True).enqueue([1, 2, 3])
    work(jobs)
    ((second,),) = world.raw.rows("SELECT id FROM jobs WHERE fan_out_index = 1")

    jobs.cancel(str(second))

    assert children(world) == ["cancelled"] * 3


def test_a_cancel_that_decides_a_fan_out_asks_for_a_tick(migrated_url: str) -> None:
    asked: list[datetime | None] = []

    class Bell:
        def wake(self, at: datetime | None) -> None:
            asked.append(at)

    with Tickover(migrated_url, settings=Settings(), waker=Bell()) as jobs:
        family(jobs, CollectAll()).enqueue([1])
        work(jobs)
        (child,) = [job for job in jobs.find() if job.parent_id is not None]
        asked.clear()

        jobs.cancel(child.id)

        assert asked == [None]


def test_a_retried_parent_keeps_what_it_began_after_the_cancel(jobs: Tickover, world: World) -> None:
    job = family(jobs, CollectAll()).enqueue([1, 2])
    work(jobs)

    def again() -> None:
        faults.arm(None)
        jobs.retry(job, fresh=True)
        work(jobs)

    faults.arm(lambda point: again() if point == "cancel.done" else None)
    try:
        jobs.cancel(job)
    finally:
        faults.arm(None)

    assert children(world) == ["waiting"] * 4
    assert jobs.run_reaper(20).cancelled == 2  # those of the generation before
    assert sorted(children(world)) == ["cancelled"] * 2 + ["waiting"] * 2
