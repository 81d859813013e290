"""Deadlines, timeouts, pauses and cancels while jobs run."""

from __future__ import annotations

import asyncio
import threading
import time

from tests.support.world import World
from tickover import AsyncContext, Budget, Context, Job, Tickover


def test_a_timed_out_def_handler_fails_its_thread_is_left_behind_and_what_it_returns_is_ignored(jobs: Tickover) -> None:
    may_end = threading.Event()

    @jobs.job(timeout=0.2, retries=0)
    def stuck() -> str:
        assert may_end.wait(30)
        return "too late"

    job_id = stuck.enqueue()
    report = jobs.tick(10)
    may_end.set()
    assert (report.failed, report.abandoned) == (1, [job_id])
    assert (jobs.get(job_id).state, jobs.get(job_id).error_kind) == ("failed", "TimedOut")


def test_a_timed_out_async_handler_is_cancelled(jobs: Tickover) -> None:
    cancelled = threading.Event()

    @jobs.job(timeout=0.2, retries=0)
    async def stuck() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    job_id = stuck.enqueue()
    report = jobs.tick(10)
    assert cancelled.wait(5)
    assert (report.failed, report.abandoned) == (1, [])
    assert "timed out after 0.2 s" in str(jobs.get(job_id).error)


def test_a_tick_returns_before_its_deadline_and_a_run_without_progress_is_a_stall(jobs: Tickover) -> None:
    may_end = threading.Event()

    @jobs.job
    def endless() -> None:
        assert may_end.wait(30)

    job_id = endless.enqueue()
    start = time.monotonic()
    report = jobs.tick(1.5)
    took = time.monotonic() - start
    may_end.set()
    job = jobs.get(job_id)
    assert (report.stopped_because, report.yielded, report.abandoned) == ("deadline", 1, [job_id])
    assert (job.state, job.stalls, job.failures) == ("pending", 1, 0)
    assert took < 1.5


def test_jobs_that_did_not_start_before_the_deadline_are_given_back_unharmed(jobs: Tickover) -> None:
    @jobs.job
    def polite(ctx: Context) -> None:
        asked = threading.Event()
        while not asked.wait(0.01):
            ctx.check()

    jobs.enqueue_many(polite.new() for _ in range(3))
    report = jobs.tick(1.5, concurrency=1)
    assert report.stopped_because == "deadline"
    assert jobs.stats().by_state["pending"] == 3
    assert report.claimed == report.yielded + report.released


def test_a_stop_that_is_asked_for_releases_what_runs(jobs: Tickover) -> None:
    stop, running = threading.Event(), threading.Event()

    @jobs.job
    def polite(ctx: Context) -> None:
        running.set()
        asked = threading.Event()
        while not asked.wait(0.01):
            ctx.check()

    job_id = polite.enqueue()
    tick = threading.Thread(target=lambda: jobs.tick(60, stop=stop))
    tick.start()
    assert running.wait(10)
    stop.set()
    tick.join(10)
    job = jobs.get(job_id)
    assert not tick.is_alive()
    assert (job.state, job.released, job.failures, job.stalls) == ("pending", 1, 0, 0)


def test_a_cancelled_job_learns_it_at_its_next_boundary_and_keeps_nothing(jobs: Tickover) -> None:
    running = threading.Event()
    hooks: list[str] = []
    jobs.on_job_complete(lambda job: hooks.append(job.id))

    @jobs.job
    def polite(ctx: Context) -> None:
        running.set()
        asked = threading.Event()
        while not asked.wait(0.01):
            ctx.check()

    job_id = polite.enqueue()
    reports: list[int] = []
    tick = threading.Thread(target=lambda: reports.append(jobs.tick(30).cancelled))
    tick.start()
    assert running.wait(10)
    jobs.cancel(job_id)
    tick.join(15)
    assert not tick.is_alive()
    assert (jobs.get(job_id).state, jobs.get(job_id).aborts, reports, hooks) == ("cancelled", 1, [1], [])


def test_a_paused_running_job_lands_in_paused_and_goes_on_after_resume(jobs: Tickover) -> None:
    running = threading.Event()
    paused_once: list[bool] = []

    @jobs.job
    async def polite(ctx: AsyncContext) -> str:
        running.set()
        while not paused_once:
            await ctx.check()
            await asyncio.sleep(0.01)
        return "done"

    job_id = polite.enqueue()
    tick = threading.Thread(target=lambda: jobs.tick(30))
    tick.start()
    assert running.wait(10)
    jobs.pause_job(job_id)
    tick.join(15)
    assert (jobs.get(job_id).state, jobs.get(job_id).released) == ("paused", 1)
    paused_once.append(True)
    jobs.resume_job(job_id)
    jobs.tick(10)
    assert polite.result(job_id) == "done"


def test_an_aggressive_fleet_pause_stops_running_jobs_and_claims_nothing(jobs: Tickover) -> None:
    running = threading.Event()

    @jobs.job
    def polite(ctx: Context) -> None:
        running.set()
        asked = threading.Event()
        while not asked.wait(0.01):
            ctx.check()

    job_id = polite.enqueue()
    reasons: list[str] = []
    tick = threading.Thread(target=lambda: reasons.append(jobs.tick(30).stopped_because))
    tick.start()
    assert running.wait(10)
    jobs.pause_ticks("aggressive")
    tick.join(15)
    assert reasons == ["paused"]
    assert (jobs.get(job_id).state, jobs.get(job_id).released) == ("pending", 1)
    assert jobs.tick(5).claimed == 0
    jobs.resume_ticks()


def test_a_queue_map_bounds_each_queue_and_the_total(jobs: Tickover) -> None:
    lock = threading.Lock()
    now: dict[str, int] = {"a": 0, "b": 0}
    peak: dict[str, int] = {"a": 0, "b": 0}

    @jobs.job
    def work(queue: str) -> None:
        with lock:
            now[queue] += 1
            peak[queue] = max(peak[queue], now[queue])
        sum(range(20_000))  # long enough for others to come in, were they let in
        with lock:
            now[queue] -= 1

    jobs.enqueue_many(work.using(queue=queue).new(queue) for queue in ("a", "b") for _ in range(30))
    report = jobs.tick(Budget(30), queues={"a": 3, "b": 1})
    assert report.by_queue == {"a": 30, "b": 30}
    assert peak["a"] <= 3
    assert peak["b"] == 1


def test_hooks_come_after_the_write_and_one_that_raises_harms_nobody(world: World, jobs: Tickover) -> None:
    seen: list[tuple[str, str]] = []

    @jobs.on_job_complete
    def note(job: Job) -> None:
        seen.append(("complete", str(world.raw.job(job.id)["state"])))
        raise RuntimeError("a hook of no importance")

    @jobs.on_retry
    def again(job: Job, error: Exception) -> None:
        seen.append(("retry", f"{job.attempt} {error}"))

    @jobs.job
    def fine() -> None: ...

    @jobs.job
    def flaky() -> None:
        raise ValueError("not yet")

    job_id = fine.enqueue()
    flaky.enqueue()
    report = jobs.tick(10)
    assert sorted(seen) == [("complete", "completed"), ("retry", "1 not yet")]
    assert (report.hook_errors, jobs.get(job_id).state) == (1, "completed")


def test_a_call_made_after_the_tick_ended_is_answered_and_does_not_hang(jobs: Tickover) -> None:
    tick_over, answered = threading.Event(), threading.Event()
    raised: list[str] = []

    @jobs.job(timeout=0.2, retries=0)
    def late() -> None:
        assert tick_over.wait(30)
        try:
            jobs.enqueue("late", remote=True)
        except BaseException as error:  # noqa: BLE001  # an interrupt is what is expected
            raised.append(type(error).__name__)
        answered.set()

    late.enqueue()
    jobs.tick(10)
    tick_over.set()
    assert answered.wait(10)
    assert raised == ["ContextClosed"]
