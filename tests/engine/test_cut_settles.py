"""A settle or a claim whose connection breaks at any point: no job is lost, none runs twice, and the report is true."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.support.cuts import WAITING, Fault, cut, cut_after_commit, let_in
from tests.support.gate import Gate, Ticking, until
from tests.support.raw import Raw
from tests.support.world import World
from tickover import Tickover
from tickover.store.link import RolledBack

pytestmark = pytest.mark.parametrize("dialect", ["postgresql"])


@pytest.fixture
def ran() -> list[int]:
    """What the handler was given, run by run."""
    return []


@pytest.fixture
def work(jobs: Tickover, ran: list[int]) -> Any:
    @jobs.job("work")
    def work(number: int) -> int:
        ran.append(number)
        return 2 * number

    return work


class TestASettle:
    def test_that_was_cut_before_it_was_sent_is_sent_again(
        self, world: World, jobs: Tickover, work: Any, ran: list[int], fault: Fault
    ) -> None:
        given = jobs.enqueue_many(work.new(n) for n in range(5))
        fault("settle.before_send", lambda: cut(world))

        report = jobs.tick(20)

        assert (report.completed, report.lost, report.stopped_because) == (5, 0, "empty")
        assert sorted(ran) == list(range(5))
        assert [work.result(job_id) for job_id in given] == [0, 2, 4, 6, 8]

    def test_that_was_cut_after_its_commit_is_known_to_have_landed(
        self, world: World, jobs: Tickover, work: Any, ran: list[int], fault: Fault
    ) -> None:
        told: list[str] = []
        jobs.on_job_complete(lambda job: told.append(job.id))
        given = jobs.enqueue_many(work.new(n) for n in range(5))
        fault("settle.after_commit", lambda: cut_after_commit(world))

        report = jobs.tick(20)

        assert (report.completed, report.lost, report.stopped_because) == (5, 0, "empty")
        assert sorted(ran) == list(range(5))
        assert sorted(told) == sorted(given), "each hook once"

    def test_of_failures_that_landed_leaves_one_failure_each(
        self, world: World, jobs: Tickover, ran: list[int], fault: Fault
    ) -> None:
        @jobs.job
        def fail() -> None:
            ran.append(1)
            raise ValueError("boom")

        job_id = fail.enqueue()
        fault("settle.after_commit", lambda: cut_after_commit(world))

        assert jobs.tick(20).retried == 1
        assert (len(ran), jobs.get(job_id).failures) == (1, 1)

    def test_that_was_cut_while_it_waited_for_a_lock_is_sent_again(
        self, world: World, jobs: Tickover, work: Any, gate: Gate
    ) -> None:
        @jobs.job
        def slow() -> str:
            gate.pass_through()
            return "done"

        job_id = slow.enqueue()
        ticking = Ticking(jobs)
        until(lambda: world.raw.state(job_id) == "running")
        with Raw(world.url) as other:
            other.rows("BEGIN")
            other.rows("SELECT 1 FROM jobs WHERE id = :id FOR UPDATE", id=job_id)
            gate.set()
            until(lambda: world.raw.one(WAITING) == 1)
            cut(world)
            other.rows("ROLLBACK")
        report = ticking.report()

        assert (report.completed, report.lost) == (1, 0)
        assert slow.result(job_id) == "done"

    def test_of_a_job_that_was_reaped_while_the_connection_was_gone_is_lost_and_not_doubled(
        self, world: World, jobs: Tickover, work: Any, fault: Fault
    ) -> None:
        (job_id,) = jobs.enqueue_many([work.new(1)])

        def cut_and_reap() -> None:
            cut(world)
            world.raw.expire(job_id)
            world.app().run_reaper(5)

        fault("settle.before_send", cut_and_reap)
        report = jobs.tick(20)

        assert (report.completed, report.lost) == (0, 1)
        assert (jobs.get(job_id).state, jobs.get(job_id).crashes) == ("pending", 1)

    def test_that_the_database_rolled_back_is_sent_again(
        self, world: World, jobs: Tickover, work: Any, ran: list[int], fault: Fault
    ) -> None:
        def roll_back() -> None:
            raise RolledBack("as a failover would")

        jobs.enqueue_many(work.new(n) for n in range(3))
        fault("settle.before_send", roll_back)

        report = jobs.tick(20)

        assert (report.completed, len(ran)) == (3, 3)

    def test_that_was_the_victim_of_a_deadlock_is_sent_again(self, world: World, jobs: Tickover, gate: Gate) -> None:
        together = threading.Barrier(2, timeout=20)

        @jobs.job
        def slow() -> None:
            gate.pass_through()
            together.wait()

        low, high = jobs.enqueue_many([slow.new(), slow.new()])
        ticking = Ticking(jobs, 60, concurrency=2)
        until(lambda: world.raw.count("jobs", "state = 'running'") == 2)
        with Raw(world.url) as other:
            other.rows("SET deadlock_timeout = '30s'")  # so that it is the tick whose wait is found out
            other.rows("BEGIN")
            other.rows("SELECT 1 FROM jobs WHERE id = :id FOR UPDATE", id=high)
            other.rows("SELECT pg_advisory_xact_lock(1)")
            gate.set()
            until(lambda: world.raw.one(WAITING) == 1)
            other.rows("SELECT 1 FROM jobs WHERE id = :id FOR UPDATE", id=low)
            other.rows("ROLLBACK")
        report = ticking.report()

        assert (report.completed, report.lost, report.stopped_because) == (2, 0, "empty")


class TestAClaim:
    def test_that_was_cut_after_its_commit_is_adopted(
        self, world: World, jobs: Tickover, work: Any, ran: list[int], fault: Fault
    ) -> None:
        given = jobs.enqueue_many(work.new(n) for n in range(5))
        fault("claim.after_commit", lambda: cut_after_commit(world))

        report = jobs.tick(20)

        assert (report.claimed, report.completed, report.lost) == (5, 5, 0)
        assert sorted(ran) == list(range(5))
        assert [jobs.get(job_id).starts for job_id in given] == [1] * 5

    def test_that_was_cut_before_it_was_sent_is_sent_again(
        self, world: World, jobs: Tickover, work: Any, ran: list[int], fault: Fault
    ) -> None:
        jobs.enqueue_many(work.new(n) for n in range(5))
        fault("claim.before_send", lambda: cut(world))

        report = jobs.tick(20)

        assert (report.claimed, report.completed) == (5, 5)
        assert sorted(ran) == list(range(5))


class TestADatabaseThatStaysAway:
    def test_ends_the_tick_with_a_report_that_says_so_and_the_leases_bring_the_jobs_back(
        self, world: World, jobs: Tickover, work: Any, ran: list[int], fault: Fault
    ) -> None:
        jobs.enqueue_many(work.new(n) for n in range(3))

        def stay_away() -> None:
            let_in(world, everybody=False)
            cut(world)

        fault("settle.before_send", stay_away)
        report = jobs.tick(20)
        let_in(world, everybody=True)

        assert report.stopped_because == "error"
        assert "cannot be reached" in (report.error or "")
        world.raw.shift("jobs", "lease_until", -60)
        assert jobs.run_reaper(10).reaped == 3
        world.raw.shift("jobs", "run_at", -60)
        assert jobs.tick(20).completed == 3
        assert sorted(ran) == [0, 0, 1, 1, 2, 2], "at least once is the promise"
