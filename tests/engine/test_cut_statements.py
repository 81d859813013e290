"""Any other statement whose connection breaks: it costs no job, and an enqueue is written once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.support.cuts import Fault, cut, cut_after_commit, cut_at
from tests.support.gate import Gate, Ticking, until
from tests.support.world import World
from tickover import Budget, Context, DuplicateJob, Tickover
from tickover.errors import StorageUnavailable
from tickover.store.link import OutcomeUnknown
from tickover.store.sql_store import SqlStore

pytestmark = pytest.mark.parametrize("dialect", ["postgresql"])


@pytest.fixture
def work(jobs: Tickover) -> Any:
    @jobs.job("work")
    def work(number: int) -> int:
        return 2 * number

    return work


class TestAnyOtherStatement:
    @pytest.mark.parametrize("when", ["before_send", "after_commit"])
    @pytest.mark.parametrize("verb", ["recover", "due", "finish_tick"])
    def test_of_a_tick_that_is_cut_costs_no_job(self, world: World, fault: Fault, verb: str, when: str) -> None:
        jobs = world.app()

        @jobs.job
        def work(number: int) -> None: ...

        jobs.enqueue_many(work.new(n) for n in range(5))
        fault(f"{verb}.{when}", cut_at(world, when))

        jobs.tick(Budget(20, max_jobs=3))
        jobs.tick(20)

        assert world.raw.count("jobs", "state = 'completed' AND starts = 1") == 5

    @pytest.mark.parametrize("when", ["before_send", "after_commit"])
    def test_that_renews_leases_is_sent_again_with_the_next_beat(
        self, world: World, jobs: Tickover, gate: Gate, fault: Fault, when: str
    ) -> None:
        beats: list[int] = []

        @jobs.job
        def slow() -> None:
            gate.pass_through()

        def again() -> None:
            beats.append(1)
            gate.set()

        def first() -> None:
            fault("beat.before_send" if when == "after_commit" else "beat.after_commit", again)
            cut(world) if when == "before_send" else cut_after_commit(world)

        slow.enqueue()
        fault(f"beat.{when}", first)
        report = jobs.tick(20)

        assert (report.completed, report.lost, beats) == (1, 0, [1])

    @pytest.mark.parametrize("when", ["before_send", "after_commit"])
    def test_that_writes_progress_does_not_end_the_tick(
        self, world: World, jobs: Tickover, gate: Gate, fault: Fault, when: str
    ) -> None:
        @jobs.job
        def slow(ctx: Context) -> None:
            ctx.progress(0.5)
            jobs.find(limit=1)  # has the tick write what it heard
            ctx.progress(0.75)

        slow.enqueue()
        fault(f"progress.{when}", cut_at(world, when))

        report = jobs.tick(20)

        assert (report.completed, report.stopped_because) == (1, "empty")

    @pytest.mark.parametrize("when", ["before_send", "after_commit"])
    def test_that_asks_who_knows_a_kind_does_not_end_the_tick(
        self, world: World, jobs: Tickover, fault: Fault, when: str
    ) -> None:
        world.add(1)
        fault(f"kind_seen.{when}", cut_at(world, when))

        report = jobs.tick(20)

        assert (report.released, report.stopped_because) == (1, "empty")

    def test_that_reaps_is_repeated_by_the_next_reaper(self, world: World, jobs: Tickover, fault: Fault) -> None:
        _, job = world.running()
        world.raw.expire(job.id)
        fault("reap.after_commit", lambda: cut(world))
        with suppress(StorageUnavailable):
            jobs.run_reaper(10)
        jobs.run_reaper(10)

        assert (jobs.get(job.id).state, jobs.get(job.id).crashes) == ("pending", 1)


class TestAnEnqueue:
    @pytest.mark.parametrize("when", ["before_send", "after_commit"])
    @pytest.mark.parametrize("where", ["outside", "inside a job"])
    def test_that_is_cut_writes_each_job_once_and_gives_its_id(
        self, world: World, jobs: Tickover, fault: Fault, when: str, where: str
    ) -> None:
        given: list[str] = []

        def add() -> None:
            given.extend(jobs.enqueue_many(child.new(n) for n in range(5)))

        @jobs.job
        def child(number: int) -> None: ...

        parent = jobs.job("parent")(add)
        if where == "inside a job":
            parent.enqueue()
        fault(f"enqueue.{when}", cut_at(world, when))
        if where == "outside":
            add()
        report = jobs.tick(20)

        assert len(set(given)) == 5
        assert report.completed == 5 + (where == "inside a job")
        assert [jobs.get(job_id).state for job_id in given] == ["completed"] * 5

    @pytest.mark.parametrize("when", ["before_send", "after_commit"])
    def test_with_a_unique_key_that_is_cut_is_no_duplicate_of_itself(
        self, world: World, jobs: Tickover, work: Any, fault: Fault, when: str
    ) -> None:
        fault(f"enqueue.{when}", cut_at(world, when))

        job_id = work.using(unique="k", idempotency_key="w").enqueue(1)

        assert [job.id for job in jobs.find()] == [job_id]
        assert work.using(idempotency_key="w").enqueue(1) == job_id
        with pytest.raises(DuplicateJob):
            work.using(unique="k").enqueue(1)

    def test_of_many_that_is_cut_behind_its_commit_gives_the_id_to_whom_a_window_belongs(
        self, jobs: Tickover, work: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = work.using(idempotency_key="w").enqueue(1)
        real = SqlStore.transaction

        @contextmanager
        def cut(store: SqlStore) -> Iterator[None]:
            with real(store):
                yield
            monkeypatch.undo()
            raise OutcomeUnknown("the answer to COMMIT never came")

        monkeypatch.setattr(SqlStore, "transaction", cut)
        ids = jobs.enqueue_many([work.using(idempotency_key="w").new(1), work.using(idempotency_key="v").new(2)])

        assert ids[0] == first
        assert {job.id for job in jobs.find()} == {first, ids[1]}

    def test_beside_a_tick_that_holds_the_kept_connection_leaves_no_connection_behind(
        self, world: World, jobs: Tickover, gate: Gate, fault: Fault
    ) -> None:
        @jobs.job
        def slow() -> None:
            gate.pass_through()

        slow.enqueue()
        ticking = Ticking(jobs)
        until(lambda: world.raw.count("jobs", "state = 'running'") == 1)

        def lose_the_answer() -> None:
            raise OutcomeUnknown("cut by the test")

        for _ in range(5):
            fault("enqueue.after_commit", lose_the_answer)
            jobs.enqueue("elsewhere", remote=True)
        open_now = world.raw.one(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tickover'"
        )
        gate.set()
        ticking.report()

        assert open_now <= 3, "the tick's, the world's, and one that is pooled"
        assert world.raw.count("jobs", "kind = 'elsewhere'") == 5
