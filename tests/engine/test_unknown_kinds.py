"""Jobs of a kind that no code here knows: deferred, never charged, and in the end somebody is told."""

from __future__ import annotations

from tests.support.world import World
from tickover import Tickover


class TestAKindThatIsUnknownHere:
    def test_fails_after_a_day_when_no_code_announced_it(self, world: World, jobs: Tickover) -> None:
        job_id = world.add_one()
        world.raw.set(job_id, deferrals=40)

        assert jobs.tick(10).failed == 1
        assert "no code that ran in the last day knows the kind" in (jobs.get(job_id).error or "")

    def test_waits_on_when_another_deployment_announced_it(self, world: World, jobs: Tickover) -> None:
        other = world.app()
        other.job("work")(_ignore)
        other.enqueue("work", 1)
        other.tick(10)
        job_id = world.add_one()
        world.raw.set(job_id, deferrals=40)

        assert jobs.tick(10).released == 1
        assert world.raw.state(job_id) == "pending"

    def test_that_is_remote_is_never_run_here(self, world: World, jobs: Tickover) -> None:
        @jobs.job(remote=True)
        def ocr(path: str) -> str:
            raise AssertionError("this body runs elsewhere")

        job_id = ocr.enqueue("a.png")

        assert jobs.tick(10).released == 1
        assert world.raw.state(job_id) == "pending"


def _ignore(value: int) -> None: ...
