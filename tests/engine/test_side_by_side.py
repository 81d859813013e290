"""Ticks beside other ticks, reapers, writers and operators; and rows that the database itself refuses."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from tests.support.gate import Gate, Ticking, polite, until
from tests.support.raw import Raw
from tests.support.world import World
from tickover import Budget, Context, ExponentialBackoff, Tickover


class TestTwoTicks:
    def test_of_one_application_share_its_jobs(self, jobs: Tickover) -> None:
        ran: Counter[int] = Counter()
        together = threading.Barrier(6, timeout=20)

        @jobs.job
        def work(n: int) -> None:
            ran[n] += 1
            if n < 6:
                together.wait()  # three slots each: only both ticks at once come through

        jobs.enqueue_many(work.new(n) for n in range(60))
        reports = [ticking.report() for ticking in [Ticking(jobs, 60, concurrency=3) for _ in range(2)]]

        assert sum(report.completed for report in reports) == 60
        assert ran == Counter(range(60))

    def test_one_of_which_takes_nothing_while_the_other_holds_it_all(
        self, world: World, jobs: Tickover, gate: Gate
    ) -> None:
        running = threading.Event()

        @jobs.job
        def slow() -> None:
            running.set()
            gate.pass_through()

        slow.enqueue()
        ticking = Ticking(jobs)
        assert running.wait(20)

        report = world.app().tick(5)

        assert (report.claimed, report.stopped_because) == (0, "empty")
        assert report.next_due_at is not None, "when the lease of the other one would run out"
        gate.set()
        assert ticking.report().completed == 1


class TestALongRun:
    def test_keeps_its_lease_against_every_reaper_until_its_end_is_written(self, world: World, gate: Gate) -> None:
        jobs, other = world.app(lease=0.6), world.app()
        runs: list[int] = []

        @jobs.job
        def slow(ctx: Context) -> None:
            runs.append(ctx.attempt)
            gate.pass_through()

        job_id = slow.enqueue()
        ticking = Ticking(jobs)
        until(lambda: world.raw.state(job_id) == "running")
        taken_at = world.raw.now()
        while (world.raw.now() - taken_at).total_seconds() < 1.5:
            assert other.run_reaper(5).reaped == 0
        gate.set()

        assert ticking.report().completed == 1
        assert (runs, jobs.get(job_id).crashes) == ([1], 0)

    @pytest.mark.parametrize("dialect", ["sqlite"])
    def test_waits_for_another_writer_of_the_file(self, world: World, jobs: Tickover, gate: Gate) -> None:
        running = threading.Event()

        @jobs.job
        def slow() -> None:
            running.set()
            gate.pass_through()

        slow.enqueue()
        ticking = Ticking(jobs)
        assert running.wait(20)
        with Raw(world.url) as other, other.transaction():
            gate.set()
            assert not ticking.ended(0.5)

        assert ticking.report().completed == 1


class TestAJob:
    @pytest.mark.parametrize(("verb", "state"), [("cancel", "cancelled"), ("pause_job", "paused")])
    def test_may_stop_itself(self, jobs: Tickover, verb: str, state: str) -> None:
        @jobs.job
        def work(ctx: Context) -> None:
            polite(ctx, lambda: getattr(jobs, verb)(ctx.job_id))

        job_id = work.enqueue()
        report = jobs.tick(30)

        assert jobs.get(job_id).state == state
        assert report.completed == 0

    def test_sees_what_it_wrote_itself(self, jobs: Tickover) -> None:
        seen: list[object] = []

        @jobs.job
        def work() -> None:
            child = jobs.enqueue("elsewhere", 7, remote=True, unique="k")
            seen.extend((jobs.get(child).payload, [job.id for job in jobs.find(unique="k")] == [child]))
            jobs.cancel(child)
            seen.append(jobs.get(child).state)

        work.enqueue()
        jobs.tick(10)

        assert seen == [7, True, "cancelled"]

    def test_gets_the_errors_of_its_own_calls(self, jobs: Tickover) -> None:
        caught: list[str] = []

        @jobs.job
        def work() -> None:
            for call in (lambda: jobs.get("nonsense"), lambda: jobs.resume_queue("q"), lambda: jobs.enqueue("unknown")):
                try:
                    call()
                except Exception as error:  # noqa: BLE001  # whichever it is
                    caught.append(type(error).__name__)

        work.enqueue()

        assert jobs.tick(10).completed == 1
        assert caught == ["InvalidArgument", "InvalidTransition", "HandlerNotFound"]


class TestADrain:
    def test_waits_for_retries_that_come_due_in_time(self, jobs: Tickover) -> None:
        @jobs.job(backoff=ExponentialBackoff(initial=0.1, jitter=0))
        def flaky(ctx: Context) -> int:
            if ctx.attempt < 3:
                raise ValueError("not yet")
            return ctx.attempt

        job_id = flaky.enqueue()
        report = jobs.drain(20)

        assert (report.retried, report.completed) == (2, 1)
        assert flaky.result(job_id) == 3

    def test_does_not_wait_for_what_comes_later(self, jobs: Tickover) -> None:
        @jobs.job
        def work() -> None: ...

        work.using(delay=60).enqueue()

        assert jobs.drain(20).seconds < 5


class TestAnOutcomeThatTheDatabaseRefuses:
    def test_hurts_only_its_own_job(self, world: World, jobs: Tickover) -> None:
        _refuse_poison(world)
        told: list[str] = []
        jobs.on_job_complete(lambda job: told.append(f"complete {job.id}"))
        jobs.on_job_fail(lambda job, error: told.append(f"fail {job.id}"))

        @jobs.job
        def work(text: str) -> str:
            return text

        first, poison, last = jobs.enqueue_many(work.new(text) for text in ("fine", "poison", "fine"))
        report = jobs.tick(Budget(20), concurrency=3)

        assert (report.completed, report.failed, report.lost) == (2, 1, 0)
        assert [jobs.get(job_id).state for job_id in (first, poison, last)] == ["completed", "failed", "completed"]
        assert "could not be stored" in (jobs.get(poison).error or "")
        assert sorted(told) == sorted([f"complete {first}", f"complete {last}", f"fail {poison}"])


def _refuse_poison(world: World) -> None:
    if world.dialect == "postgresql":
        world.raw.rows("ALTER TABLE job_data ADD CONSTRAINT edible CHECK (result <> '\"poison\"')")
        return
    world.raw.rows("""
        CREATE TRIGGER edible BEFORE UPDATE ON job_data WHEN NEW.result = '"poison"'
        BEGIN SELECT RAISE(ABORT, 'not edible'); END""")
