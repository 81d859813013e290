"""The reaper mends fan-outs: time limits, counters that are wrong, parents that wait, children that nobody collects."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from tests.support.world import World
from tickover import CollectAll, Context, Settings, Tickover
from tickover.errors import FanOutFailed

HOUR = 3600.0


@dataclass
class Tree:
    """A parent that waits for two children, which are due in an hour."""

    jobs: Tickover
    world: World
    parent: str
    children: list[str]

    def fan_out(self, columns: str = "status, done, failed, cancelled") -> tuple[object, ...]:
        (row,) = self.world.raw.rows(f"SELECT {columns} FROM fan_outs")
        return tuple(row)

    def end(self, job_id: str, state: str = "cancelled") -> None:
        """Ends a job as no verb does: past its fan-out's counters."""
        now = "CAST(1000 * unixepoch() AS INTEGER)" if self.world.dialect == "sqlite" else "now()"
        self.world.raw.rows(
            f"UPDATE jobs SET state = :state, finished_at = {now}, wait_kind = NULL, wait_ref = NULL WHERE id = :id",
            state=state, id=job_id,
        )  # fmt: skip


@pytest.fixture
def tree(world: World) -> Tree:
    world.log_is_whole = False
    jobs = world.app()

    @jobs.job
    def child(n: int) -> int:
        return n

    @jobs.job(retries=0)
    def parent(ctx: Context) -> int:
        news = [child.using(delay=HOUR).new(n) for n in (1, 2)]
        return sum(result.error is None for result in ctx.fan_out(news, CollectAll(), timeout=HOUR))

    job_id = parent.enqueue()
    jobs.tick(10)
    assert jobs.get(job_id).state == "waiting"
    return Tree(jobs, world, job_id, jobs.get(job_id).children)


def test_a_fan_out_whose_time_is_over_gets_that_verdict_and_its_parent_fails(tree: Tree) -> None:
    assert tree.jobs.run_reaper(10).mended == 0
    tree.world.raw.shift("fan_outs", "timeout_at", -2 * HOUR)

    assert tree.jobs.run_reaper(10).mended == 1
    assert tree.fan_out("status") == ("timed_out",)
    assert tree.jobs.get(tree.parent).state == "pending"
    tree.jobs.tick(10)
    ended = tree.jobs.get(tree.parent)
    assert (ended.state, ended.error_kind) == ("failed", FanOutFailed.__name__)
    assert tree.jobs.run_reaper(10).mended == 0


def test_counters_that_are_wrong_are_corrected_with_an_alarm(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    tree.end(tree.children[0])
    with caplog.at_level(logging.ERROR, "tickover.reaper"):
        assert tree.jobs.run_reaper(10).mended == 1
    assert "counters that its children have not" in caplog.text
    assert tree.fan_out() == ("open", 0, 0, 1)
    assert tree.jobs.get(tree.parent).state == "waiting"

    tree.end(tree.children[1])
    assert tree.jobs.run_reaper(10).mended == 1
    assert tree.fan_out() == ("completed", 0, 0, 2)
    tree.jobs.tick(10)
    assert tree.jobs.result(tree.parent) == 0


def test_a_child_that_is_missing_counts_as_cancelled(tree: Tree) -> None:
    for child in tree.children:
        tree.world.raw.rows("DELETE FROM jobs WHERE id = :id", id=child)
        tree.world.raw.rows("DELETE FROM job_data WHERE job_id = :id", id=child)
    assert tree.jobs.run_reaper(10).mended == 1
    assert tree.fan_out() == ("completed", 0, 0, 2)
    assert tree.jobs.get(tree.parent).state == "pending"


def test_a_parent_that_waits_though_the_verdict_is_there_is_woken_with_an_alarm(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    tree.world.raw.rows("UPDATE fan_outs SET status = 'completed', cancelled = 2")
    with caplog.at_level(logging.ERROR, "tickover.reaper"):
        assert tree.jobs.run_reaper(10).mended == 1
    assert "waited for a fan-out that was decided" in caplog.text
    assert tree.jobs.get(tree.parent).state == "pending"


def test_a_paused_parent_comes_from_pending_then_and_stays_paused(tree: Tree) -> None:
    tree.jobs.pause_job(tree.parent)
    tree.world.raw.rows("UPDATE fan_outs SET status = 'completed', cancelled = 2")
    assert tree.jobs.run_reaper(10).mended == 1
    assert tree.jobs.run_reaper(10).mended == 0
    assert tree.jobs.get(tree.parent).state == "paused"


def test_live_children_of_a_parent_that_is_over_are_cancelled(tree: Tree) -> None:
    tree.end(tree.parent)
    assert tree.jobs.run_reaper(10).cancelled == 2
    assert [tree.jobs.get(child).state for child in tree.children] == ["cancelled", "cancelled"]
    assert tree.jobs.run_reaper(10).cancelled == 0


def test_children_of_an_older_generation_are_cancelled(tree: Tree) -> None:
    tree.end(tree.parent, "failed")
    tree.jobs.retry(tree.parent, fresh=True)
    assert tree.jobs.run_reaper(10).cancelled == 2
    assert tree.jobs.get(tree.parent).state == "pending"


def test_children_are_cancelled_that_a_failed_fan_out_wanted_cancelled(tree: Tree) -> None:
    tree.world.raw.rows("UPDATE fan_outs SET status = 'failed'")
    tree.jobs.run_reaper(10)
    assert [tree.jobs.get(child).state for child in tree.children] == ["pending", "pending"]

    tree.world.raw.rows("UPDATE fan_outs SET cancel_on_failure = 1")
    assert tree.jobs.run_reaper(10).cancelled == 2


def test_a_fan_out_that_is_as_it_should_be_is_left_alone(tree: Tree) -> None:
    tree.world.raw.rows("UPDATE jobs SET run_at = created_at WHERE id = :id", id=tree.children[0])
    tree.jobs.tick(10)
    report = tree.jobs.run_reaper(10)
    assert (report.mended, report.cancelled, tree.fan_out()) == (0, 0, ("open", 1, 0, 0))


def test_what_a_failed_parent_may_collect_after_a_retry_is_kept_as_long_as_the_parent(tree: Tree) -> None:
    tree.world.raw.rows("UPDATE jobs SET run_at = created_at WHERE id = :id", id=tree.children[0])
    tree.jobs.tick(10)
    tree.end(tree.parent, "failed")
    tree.jobs.run_reaper(10)
    eager = Tickover(tree.world.url, settings=Settings(retain_completed=0, retain_events=HOUR))
    with eager:
        assert "jobs" not in eager.run_reaper(10).removed
    assert tree.jobs.get(tree.children[0]).state == "completed"
