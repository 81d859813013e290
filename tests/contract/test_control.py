"""Pause, resume, cancel: what each does to a job in each state, and what a second one says."""

from __future__ import annotations

import threading

import pytest

from tests.support.states import ALL, LIVE, brought_to
from tests.support.world import World, claim, ids, settle, tick_id
from tickover import JobNotFound
from tickover.domain.ids import new_id
from tickover.domain.outcome import Completed, Failed
from tickover.errors import InvalidArgument, InvalidTransition


class TestPausingAJob:
    @pytest.mark.parametrize("state", ["pending", "waiting"])
    def test_that_does_not_run_pauses_it_at_once(self, world: World, state: str) -> None:
        job_id = brought_to(world, state)

        world.jobs.pause_job(job_id)

        row = world.raw.job(job_id)
        assert (row["state"], row["paused_from"], row["pause_requested_at"]) == ("paused", state, None)
        assert not claim(world.store(), 5).jobs

    def test_that_runs_asks_and_leaves_the_run_alone(self, world: World) -> None:
        store, job = world.running()

        world.jobs.pause_job(job.id)

        assert world.raw.state(job.id) == "running"
        assert store.beat([job.lease], 60.0).pausing == {job.id}
        assert settle(store, job, Completed(None)), "a run that ends before it notices has ended"

    @pytest.mark.parametrize("state", ["paused", "completed", "failed", "cancelled"])
    def test_that_is_paused_or_over_is_refused_and_changes_nothing(self, world: World, state: str) -> None:
        job_id = brought_to(world, state)
        before = world.raw.job(job_id)

        with pytest.raises(InvalidTransition, match=state):
            world.jobs.pause_job(job_id)

        assert world.raw.job(job_id) == before

    def test_twice_is_refused_while_it_still_runs(self, world: World) -> None:
        _, job = world.running()
        world.jobs.pause_job(job.id)

        with pytest.raises(InvalidTransition, match="already asked for"):
            world.jobs.pause_job(job.id)

    def test_that_nobody_knows_is_refused(self, world: World) -> None:
        for verb in (world.jobs.pause_job, world.jobs.resume_job, world.jobs.cancel, world.jobs.retry):
            with pytest.raises(JobNotFound):
                verb(new_id())

    def test_and_a_claim_at_the_same_moment_never_lose_the_pause(self, world: World) -> None:
        for _ in range(10):
            job_id = world.add_one()
            store, start = world.store(), threading.Barrier(2)
            claimer = threading.Thread(target=lambda: (start.wait(), claim(store, 1)))  # noqa: B023  # joined below
            claimer.start()
            start.wait()
            world.jobs.pause_job(job_id)
            claimer.join()

            row = world.raw.job(job_id)
            assert row["state"] == "paused" or row["pause_requested_at"] is not None
            world.jobs.cancel(job_id)


class TestResumingAJob:
    def test_keeps_the_delay_that_it_had(self, world: World) -> None:
        job_id = world.add_one(delay=3600)
        before = world.raw.job(job_id)["run_at"]
        world.jobs.pause_job(job_id)

        world.jobs.resume_job(job_id)

        assert (world.raw.state(job_id), world.raw.job(job_id)["run_at"]) == ("pending", before)

    def test_of_a_former_waiter_puts_it_first_so_that_its_replay_parks_it_again(self, world: World) -> None:
        job_id = brought_to(world, "waiting")
        world.jobs.pause_job(job_id)

        world.jobs.resume_job(job_id)

        row = world.raw.job(job_id)
        assert (row["state"], row["run_at"], row["wait_kind"]) == ("pending", row["created_at"], None)

    def test_calls_off_a_pause_that_the_run_has_not_reached(self, world: World) -> None:
        store, job = world.running()
        world.jobs.pause_job(job.id)

        world.jobs.resume_job(job.id)

        assert store.beat([job.lease], 60.0).pausing == frozenset()
        settle(store, job, Failed("no", "E"))
        assert world.raw.state(job.id) == "pending"

    @pytest.mark.parametrize("state", [state for state in ALL if state != "paused"])
    def test_that_is_not_paused_is_refused_and_changes_nothing(self, world: World, state: str) -> None:
        job_id = brought_to(world, state)
        before = world.raw.job(job_id)

        with pytest.raises(InvalidTransition, match=state):
            world.jobs.resume_job(job_id)

        assert world.raw.job(job_id) == before

    def test_twice_is_refused(self, world: World) -> None:
        job_id = brought_to(world, "paused")
        world.jobs.resume_job(job_id)

        with pytest.raises(InvalidTransition):
            world.jobs.resume_job(job_id)


class TestPausingAQueue:
    def test_lets_running_jobs_go_on_and_takes_enqueues(self, world: World) -> None:
        store, job = world.running(queue="a")

        world.jobs.pause_queue("a", reason="flood")

        added = world.add_one(queue="a")
        assert settle(store, job, Completed(None))
        assert not claim(store, 5).jobs
        assert world.raw.rows("SELECT name, reason FROM queues") == [("a", "flood")]
        world.jobs.resume_queue("a")
        assert ids(claim(store, 5)) == [added]

    def test_twice_is_refused_and_so_is_resuming_one_that_is_not_paused(self, world: World) -> None:
        world.jobs.pause_queue("a")
        with pytest.raises(InvalidTransition, match="paused already"):
            world.jobs.pause_queue("a")
        world.jobs.resume_queue("a")

        for queue in ("a", "never-seen"):
            with pytest.raises(InvalidTransition, match="not paused"):
                world.jobs.resume_queue(queue)

        assert [row[0] for row in world.raw.rows("SELECT type FROM events ORDER BY seq")] == [
            "QueuePaused",
            "QueueResumed",
        ]

    @pytest.mark.parametrize("name", ["", "9lives", "a b", "x" * 256, "drop;table"])
    def test_with_a_name_that_no_queue_can_have_is_refused(self, world: World, name: str) -> None:
        for verb in (world.jobs.pause_queue, world.jobs.resume_queue):
            with pytest.raises(InvalidArgument, match="queue name"):
                verb(name)


class TestPausingTheFleet:
    def test_may_be_sharpened_but_not_repeated(self, world: World) -> None:
        world.jobs.pause_ticks()
        with pytest.raises(InvalidTransition, match="graceful"):
            world.jobs.pause_ticks("graceful")

        world.jobs.pause_ticks("aggressive")

        with pytest.raises(InvalidTransition, match="aggressive"):
            world.jobs.pause_ticks("aggressive")
        assert claim(world.store(), 1).paused == "aggressive"

    def test_ends_once(self, world: World) -> None:
        world.jobs.pause_ticks()
        world.jobs.resume_ticks()

        with pytest.raises(InvalidTransition, match="not paused"):
            world.jobs.resume_ticks()

    def test_takes_no_other_word(self, world: World) -> None:
        with pytest.raises(InvalidArgument, match="aggressive"):
            world.jobs.pause_ticks("politely")  # type: ignore[arg-type]  # what is refused


class TestCancelling:
    @pytest.mark.parametrize("state", LIVE)
    def test_ends_a_job_in_any_state_that_is_not_the_end_at_once(self, world: World, state: str) -> None:
        job_id = brought_to(world, state, unique="k")
        before = world.raw.job(job_id)

        world.jobs.cancel(job_id)

        row = world.raw.job(job_id)
        assert row["state"] == "cancelled"
        assert row["aborts"] - before["aborts"] == int(state == "running")
        cleared = ("lease_until", "claim_id", "paused_from", "pause_requested_at", "wait_kind", "wait_ref")
        assert [row[name] for name in cleared] == [None] * len(cleared)
        assert world.add_one(unique="k") != job_id, "its key is free"

    def test_with_a_pause_asked_for_leaves_none_behind_for_a_later_retry(self, world: World) -> None:
        _, job = world.running()
        world.jobs.pause_job(job.id)
        world.jobs.cancel(job.id)

        world.jobs.retry(job.id)

        assert ids(claim(world.store(), 1)) == [job.id]

    def test_twice_is_one_cancel(self, world: World) -> None:
        job_id = world.add_one()

        world.jobs.cancel(job_id)
        world.jobs.cancel(job_id)

        assert world.raw.count("events", "type = 'JobCancelled'") == 1

    @pytest.mark.parametrize("state", ["completed", "failed"])
    def test_what_is_over_is_refused_and_changes_nothing(self, world: World, state: str) -> None:
        job_id = brought_to(world, state)
        before = world.raw.job(job_id)

        with pytest.raises(InvalidTransition, match=state):
            world.jobs.cancel(job_id)

        assert world.raw.job(job_id) == before

    def test_and_completing_at_the_same_moment_have_one_winner(self, world: World) -> None:
        for _ in range(10):
            store, job = world.running()
            start = threading.Barrier(2)
            accepted: list[bool] = []

            def complete(store=store, job=job, start=start, accepted=accepted) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # bound to this round
                start.wait()
                accepted.append(settle(store, job, Completed(None)))

            thread = threading.Thread(target=complete)
            thread.start()
            start.wait()
            refused = False
            try:
                world.jobs.cancel(job.id)
            except InvalidTransition:
                refused = True
            thread.join()

            assert accepted == [refused]
            assert world.raw.state(job.id) == ("completed" if refused else "cancelled")

    def test_keeps_who_held_it_so_that_the_holder_can_notice(self, world: World) -> None:
        job_id, tick, store = world.add_one(), tick_id(), world.store()
        claim(store, 1, tick=tick)

        world.jobs.cancel(job_id)

        assert world.raw.job(job_id)["holder"] == tick
