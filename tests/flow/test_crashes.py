"""A job that kills its process again and again is told with the step it is in."""

from __future__ import annotations

from tests.support.world import World
from tickover import AsyncContext, Budget, Context, Tickover


def test_the_failure_of_a_job_that_crashed_too_often_names_the_step(world: World, jobs: Tickover) -> None:
    other = world.app()

    @jobs.job
    def importer(ctx: Context) -> None:
        ctx.step("fetch", abs, 1)
        ctx.call(inner)

    @jobs.job
    def inner(ctx: Context) -> None:
        ctx.step("unpack", killed)

    def killed() -> None:
        world.raw.expire(job)  # as far as anybody else can see, this process is dead
        other.run_reaper(10)

    job = importer.enqueue()
    for streak in (1, 2, 3):
        jobs.tick(Budget(20, max_jobs=1))
        assert jobs.get(job).crashes == streak
        world.raw.set_instant(job, "run_at", -1)

    found = jobs.get(job)
    assert (found.state, found.error_kind) == ("failed", "Crashed")
    assert found.error == "crashed 3 times in step inner#0/unpack#0: the process was killed"
    assert found.wait_ref is None


def test_a_job_that_crashes_outside_of_its_steps_names_none(world: World, jobs: Tickover) -> None:
    other = world.app()

    @jobs.job
    async def importer(ctx: AsyncContext) -> None:
        world.raw.expire(job)
        other.run_reaper(10)

    job = importer.enqueue()
    world.raw.set(job, crash_run=2)
    jobs.tick(20)

    assert jobs.get(job).error == "crashed 3 times in a row: the process was killed"


def test_a_suspect_that_gets_through_its_step_says_nothing_any_more(world: World, jobs: Tickover) -> None:
    seen: list[object] = []

    @jobs.job
    def importer(ctx: Context) -> None:
        for _ in range(3):
            ctx.step("fetch", lambda: seen.append(world.raw.job(job)["wait_ref"]))

    job = importer.enqueue()
    world.raw.set(job, crash_run=2)
    jobs.tick(20)

    assert seen[0] == "fetch#0"
    assert jobs.get(job).state == "completed"
    assert world.raw.job(job)["wait_ref"] is None
