"""Which jobs a tick takes, when, and how many at once."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.support.gate import Gate, Ticking, until
from tests.support.world import World
from tests.unit import samples
from tickover import Budget, Context, NewJob, Tickover
from tickover.engine.batch import Batch
from tickover.engine.run import Run
from tickover.errors import ConfigurationError, InvalidArgument


class Gauge:
    """How many are inside at once, per name and in all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()

    def measure(self, queue: str, job_id: str) -> None:
        with self._lock:
            self.runs[job_id] += 1
            self._now[queue] += 1
            self.most[queue] = max(self.most[queue], self._now[queue])
            self.most["all"] = max(self.most["all"], self._now.total())
        threading.Event().wait(random.random() * 0.01)
        with self._lock:
            self._now[queue] -= 1


class TestConcurrency:
    def test_is_exceeded_neither_by_a_queue_nor_by_all_together_and_each_job_runs_once(self, jobs: Tickover) -> None:
        gauge = Gauge()

        @jobs.job
        def work(ctx: Context) -> None:
            gauge.measure(ctx.queue, ctx.job_id)

        given = jobs.enqueue_many(work.using(queue=queue).new() for queue in "abc" for _ in range(40))
        report = jobs.tick(60, queues={"a": 2, "b": 3, "c": 4}, concurrency=6)

        assert report.completed == 120
        assert gauge.runs == Counter(given)
        assert (gauge.most["a"], gauge.most["b"]) <= (2, 3)
        assert gauge.most["b"] <= 3
        assert gauge.most["c"] <= 4
        assert gauge.most["all"] <= 6

    def test_is_used_up_when_there_is_enough_to_do(self, jobs: Tickover) -> None:
        together = threading.Barrier(8, timeout=20)

        @jobs.job
        def meet() -> None:
            together.wait()

        jobs.enqueue_many(meet.new() for _ in range(16))

        assert jobs.tick(60, concurrency=8).completed == 16

    def test_jobs_of_many_steps_are_not_taken_ahead_of_slots(self, jobs: Tickover, gate: Gate) -> None:
        """What a job asks for is no sign that it is short: whoever waits here is kept from every other tick."""
        arrived = Counter[str]()

        @jobs.job
        def walk(ctx: Context) -> None:
            for n in range(10):
                ctx.step(f"step-{n}", int)
            arrived[ctx.job_id] += 1
            gate.pass_through()

        jobs.enqueue_many(walk.new() for _ in range(100))
        ticking = Ticking(jobs, concurrency=8)
        until(lambda: len(arrived) == 8)
        taken = len(jobs.find(state="running", limit=100))
        gate.set()

        assert ticking.report().completed == 100
        assert taken == 8

    @pytest.mark.parametrize(("rooms", "left"), [(None, 0), ({"default": 3}, 1)])
    def test_a_slot_is_not_free_for_a_second_job_before_its_thread_has_taken_the_first(
        self, rooms: dict[str, int] | None, left: int
    ) -> None:
        taken = threading.Semaphore(0)
        slots = Batch(4, rooms, lambda _: taken.release())
        with slots._lock:  # the threads start, and come no further
            slots.add(Run(samples.claimed(), None) for _ in range(4))
            free = slots.free
        assert all(taken.acquire(timeout=20) for _ in range(4))
        slots.close()

        assert free == left

    def test_of_two_ticks_at_once_runs_each_job_once(self, world: World, jobs: Tickover) -> None:
        gauge = Gauge()

        def work(ctx: Context) -> None:
            gauge.measure(ctx.queue, ctx.job_id)

        apps = [jobs, world.app()]
        for app in apps:
            app.job("work")(work)
        given = jobs.enqueue_many(NewJob("work") for _ in range(200))

        reports = [ticking.report() for ticking in [Ticking(app, 60, concurrency=5) for app in apps]]

        assert sum(report.completed for report in reports) == 200
        assert gauge.runs == Counter(given)

    def test_of_slow_jobs_claims_what_it_can_start_and_no_more(self, world: World, jobs: Tickover, gate: Gate) -> None:
        running = threading.Barrier(5, timeout=20)

        @jobs.job
        def slow() -> None:
            if not gate.is_set():
                running.wait()
            gate.pass_through()

        jobs.enqueue_many(slow.new() for _ in range(12))
        ticking = Ticking(jobs, 60, concurrency=4)
        running.wait()

        assert world.raw.count("jobs", "state = 'running'") == 4
        gate.set()
        assert ticking.report().completed == 12

    @pytest.mark.parametrize("most", [0, -1, 1001, True, 1.5])
    def test_takes_whole_numbers_from_1_to_1000(self, jobs: Tickover, most: int) -> None:
        with pytest.raises(InvalidArgument, match="1 to 1000"):
            jobs.tick(1, concurrency=most)
        with pytest.raises(InvalidArgument, match="1 to 1000"):
            jobs.tick(1, queues={"a": most})


class TestOrder:
    def test_within_a_queue_is_exact_with_one_slot_however_many_there_are(self, jobs: Tickover) -> None:
        ran: list[int] = []

        @jobs.job
        def work(ctx: Context, number: int) -> None:
            ran.append(number)

        priorities = [random.randint(-5, 5) for _ in range(300)]
        jobs.enqueue_many(work.using(priority=priority).new(n) for n, priority in enumerate(priorities))
        jobs.tick(60, concurrency=1)

        assert ran == sorted(range(300), key=lambda n: (-priorities[n], n))

    def test_of_queues_is_taking_turns_even_when_each_claim_is_of_one_job(self, jobs: Tickover) -> None:
        ran: list[str] = []

        @jobs.job
        def slow(queue: str) -> None:
            ran.append(queue)
            threading.Event().wait(0.3)

        jobs.enqueue_many(slow.using(queue=queue).new(queue) for queue in "ab" for _ in range(6))
        jobs.tick(Budget(30, max_jobs=6), concurrency=1)

        assert sorted(ran) == ["a"] * 3 + ["b"] * 3

    def test_between_ticks_of_one_job_each_leaves_no_queue_behind(self, jobs: Tickover) -> None:
        ran: Counter[str] = Counter()

        @jobs.job
        def work(queue: str) -> None:
            ran[queue] += 1

        jobs.enqueue_many(work.using(queue=queue).new(queue) for queue in "ab" for _ in range(40))
        for _ in range(40):
            jobs.tick(Budget(10, max_jobs=1))

        assert min(ran["a"], ran["b"]) > 3, ran


class TestQueues:
    def test_that_are_not_named_are_not_served(self, world: World, jobs: Tickover) -> None:
        @jobs.job
        def work() -> None: ...

        kept = work.using(queue="other").enqueue()
        work.using(queue="mail").enqueue()

        report = jobs.tick(10, queues=["mail"])

        assert report.by_queue == {"mail": 1}
        assert not report.more, "what this tick does not serve is not its business"
        assert world.raw.state(kept) == "pending"
        assert jobs.tick(10).by_queue == {"other": 1}

    @pytest.mark.parametrize("queues", [[], {}, "mail", ["a b"], {"": 1}])
    def test_that_cannot_be_are_refused(self, jobs: Tickover, queues: list[str]) -> None:
        with pytest.raises(InvalidArgument):
            jobs.tick(1, queues=queues)

    def test_of_the_settings_are_served_when_none_is_named(self, world: World) -> None:
        jobs = world.app(queues={"mail": 2})

        @jobs.job
        def work() -> None: ...

        for queue in ("mail", "other"):
            work.using(queue=queue).enqueue()

        assert jobs.tick(10).by_queue == {"mail": 1}


class TestWhatComesNext:
    def test_is_told_as_the_time_of_the_next_job(self, jobs: Tickover) -> None:
        @jobs.job
        def work() -> None: ...

        work.enqueue()
        work.using(delay=100).enqueue()
        report = jobs.tick(10)

        assert report.next_due_at is not None
        assert 90 < (report.next_due_at - datetime.now(UTC)).total_seconds() <= 100
        assert not report.more

    def test_is_nothing_that_needs_a_longer_window_than_this(self, world: World, jobs: Tickover) -> None:
        @jobs.job
        def work() -> None: ...

        job_id = work.enqueue()
        world.raw.set(job_id, need_ms=15_000)
        short = [jobs.tick(10), jobs.tick(10, concurrency=1)]
        work.enqueue()
        short.append(jobs.tick(10))

        assert [(report.more, report.next_due_at) for report in short] == [(False, None)] * 3
        assert world.raw.state(job_id) == "pending"
        assert jobs.tick(30).completed == 1

    def test_is_no_suspect_while_a_thread_that_was_given_up_runs_here(
        self, world: World, jobs: Tickover, gate: Gate
    ) -> None:
        @jobs.job(timeout=0.1, retries=0)
        def stuck() -> None:
            gate.pass_through()

        @jobs.job
        def work() -> None: ...

        stuck.enqueue()
        jobs.tick(5, concurrency=2)
        suspect = work.enqueue()
        world.raw.set(suspect, crash_run=2)
        haunted = jobs.tick(5)
        gate.set()

        assert (haunted.claimed, haunted.more) == (0, False)
        until(lambda: not jobs._core.haunted())
        assert jobs.drain(20).completed == 1

    def test_is_nothing_when_nothing_is_there(self, jobs: Tickover) -> None:
        report = jobs.tick(10)

        assert (report.more, report.next_due_at) == (False, None)

    def test_is_run_in_the_same_tick_when_a_job_enqueues_it(self, jobs: Tickover) -> None:
        @jobs.job
        def chain(left: int) -> None:
            if left:
                chain.enqueue(left - 1)

        chain.enqueue(20)

        assert jobs.tick(30).completed == 21

    def test_is_left_to_the_next_tick_when_no_more_may_be_taken(self, jobs: Tickover) -> None:
        @jobs.job
        def work() -> None: ...

        jobs.enqueue_many(work.new() for _ in range(5))
        report = jobs.tick(Budget(10, max_jobs=3))

        assert (report.completed, report.stopped_because, report.more) == (3, "max_jobs", True)

    def test_is_not_started_by_a_job_itself(self, jobs: Tickover) -> None:
        refused: list[str] = []

        @jobs.job
        def recursive() -> None:
            for start in (jobs.tick, jobs.run_reaper):
                try:
                    start(1)
                except ConfigurationError as error:
                    refused.append(str(error))

        recursive.enqueue()
        jobs.tick(10)

        assert len(refused) == 2


class TestACrash:
    def test_of_a_tick_is_found_by_the_next_one_and_told_to_the_hook(self, world: World, jobs: Tickover) -> None:
        told: list[tuple[str, str]] = []
        jobs.on_job_reclaimed(lambda job, reason: told.append((job.id, reason)))

        @jobs.job("work")
        def work(number: int) -> None: ...

        _, job = world.running()
        world.raw.expire(job.id)

        report = jobs.tick(10)

        assert report.reaped == 1
        assert [job_id for job_id, _ in told] == [job.id]
        assert "its lease ran out" in told[0][1]
        assert jobs.get(job.id).crashes == 1

    def test_is_found_by_the_reaper_in_batches(self, world: World, jobs: Tickover) -> None:
        _many_expired(world, 1100)

        report = jobs.run_reaper(20)

        assert (report.reaped, report.stopped_because) == (1100, "empty")

    def test_is_left_to_the_reaper_when_ticks_may_not_reap(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        jobs = world.app(reap_limit=0)
        _, job = world.running()
        world.raw.expire(job.id)

        with caplog.at_level("WARNING", logger="tickover"):
            assert [jobs.tick(5).reaped for _ in range(2)] == [0, 0]
        assert [line for line in caplog.messages if "reap_limit is 0" in line] == [
            "reap_limit is 0: no tick takes back the jobs of a tick that died; only run_reaper() does."
        ]
        assert world.raw.state(job.id) == "running"
        assert jobs.run_reaper(5).reaped == 1

    def test_too_often_while_alone_ends_the_job(self, world: World, jobs: Tickover) -> None:
        told: list[str] = []
        jobs.on_job_fail(lambda job, error: told.append(str(error)))
        _, job = world.running()
        world.raw.set(job.id, crash_run=2)
        world.raw.expire(job.id)

        report = jobs.run_reaper(5)

        assert (report.reaped, report.failed) == (1, 1)
        assert "crashed 3 times in a row" in told[0]
        assert jobs.get(job.id).error_kind == "Crashed"


def _many_expired(world: World, count: int) -> None:
    from tests.support.world import claim

    world.add(count)
    claim(world.store(), count)
    world.raw.shift("jobs", "lease_until", -3600)
