"""Second chances and deletions: whose they are, what they keep, and whose children are safe."""

from __future__ import annotations

import pytest

from tests.support.states import ALL, brought_to
from tests.support.world import World, claim, ids, settle
from tickover import DuplicateJob
from tickover.domain.outcome import Completed, Crashed, Failed
from tickover.errors import InvalidArgument, InvalidTransition


class TestRetryingByHand:
    @pytest.mark.parametrize("state", ["failed", "cancelled"])
    def test_makes_a_dead_job_due_at_once_and_erases_what_its_end_said(self, world: World, state: str) -> None:
        job_id = brought_to(world, state)

        world.jobs.retry(job_id)

        row = world.raw.job(job_id)
        assert (row["state"], row["finished_at"], row["error"], row["error_kind"], row["result"]) == (
            "pending",
            None,
            None,
            None,
            None,
        )
        assert ids(claim(world.store(), 5)) == [job_id]

    @pytest.mark.parametrize("state", [state for state in ALL if state not in ("failed", "cancelled")])
    def test_anything_else_is_refused_and_changes_nothing(self, world: World, state: str) -> None:
        job_id = brought_to(world, state)
        before = world.raw.job(job_id)

        with pytest.raises(InvalidTransition, match=state):
            world.jobs.retry(job_id)

        assert world.raw.job(job_id) == before

    def test_gives_a_new_budget_and_counts_on(self, world: World) -> None:
        job_id = world.add_one(retries=1)
        store = world.store()

        def run_until_dead() -> int:
            runs = 0
            while world.raw.state(job_id) == "pending":
                (job,) = claim(store, 1).jobs
                settle(store, job, Failed("no", "E", delay=0.0))
                runs += 1
            return runs

        assert run_until_dead() == 2
        world.jobs.retry(job_id)
        assert run_until_dead() == 2
        assert world.jobs.get(job_id).failures == 4, "counters are never reset"

    def test_forgets_the_streaks_that_held_it_back(self, world: World) -> None:
        job_id = brought_to(world, "cancelled")
        world.raw.set(job_id, crash_run=2, stall_run=2, need_ms=40_000, deferrals=9)

        world.jobs.retry(job_id)

        row = world.raw.job(job_id)
        assert [row[name] for name in ("crash_run", "stall_run", "need_ms", "deferrals")] == [0, 0, 0, 0]

    def test_fresh_starts_a_new_generation(self, world: World) -> None:
        job_id = brought_to(world, "failed")
        world.raw.set(job_id, steps=4)

        world.jobs.retry(job_id, fresh=True)

        assert (world.raw.job(job_id)["generation"], world.raw.job(job_id)["steps"]) == (1, 0)

    def test_keeps_its_steps_otherwise(self, world: World) -> None:
        job_id = brought_to(world, "failed")
        world.raw.set(job_id, steps=4)

        world.jobs.retry(job_id)

        assert (world.raw.job(job_id)["generation"], world.raw.job(job_id)["steps"]) == (0, 4)

    def test_is_refused_while_a_newer_job_holds_the_unique_key(self, world: World) -> None:
        job_id = brought_to(world, "failed", unique="k")
        newer = world.add_one(unique="k")

        with pytest.raises(DuplicateJob) as refused:
            world.jobs.retry(job_id)

        assert refused.value.job_id == newer
        assert world.raw.state(job_id) == "failed"

    def test_of_many_leaves_out_those_whose_key_is_held(self, world: World) -> None:
        held, free = brought_to(world, "failed", unique="k"), brought_to(world, "failed")
        world.add_one(unique="k", delay=60)

        assert world.jobs.retry_many(queue="default") == [free]
        assert world.raw.state(held) == "failed"

    def test_of_many_with_the_same_key_retries_the_newest_of_them(self, world: World) -> None:
        dead = [brought_to(world, "failed", unique="k") for _ in range(3)]

        assert world.jobs.retry_many(queue="default") == dead[-1:]

    def test_of_many_takes_every_page(self, world: World) -> None:
        dead = world.add(1100)
        for job_id in dead[:2]:
            world.jobs.cancel(job_id)
        world.raw.rows(
            "UPDATE jobs SET state = 'cancelled', finished_at = run_at, event_seq = 1 WHERE state = 'pending'"
        )
        world.log_is_whole = False

        assert len(world.jobs.retry_many(state="cancelled")) == 1100
        assert world.raw.count("jobs", "state = 'pending'") == 1100

    def test_of_a_crashed_out_job_lets_it_run_beside_others_again(self, world: World) -> None:
        job_id = world.add_one()
        world.raw.set(job_id, crash_run=2)
        store = world.store()
        (job,) = claim(store, 5).jobs
        settle(store, job, Crashed(), reaping=True)
        assert world.raw.state(job_id) == "failed"
        beside = world.add_one(delay=0)

        world.jobs.retry(job_id)

        assert sorted(ids(claim(store, 5))) == sorted([job_id, beside])


class TestPurging:
    def test_deletes_what_is_over_in_that_state_and_queue_with_everything_of_theirs(self, world: World) -> None:
        gone = [brought_to(world, "cancelled", idempotency_key=f"w{n}") for n in range(3)]
        kept = [brought_to(world, "cancelled", queue="other"), brought_to(world, "failed"), world.add_one()]
        world.raw.rows(
            "INSERT INTO checkpoints (job_id, generation, step_key, seq, kind, epoch, created_at) "
            "SELECT id, 0, 'a#0', 1, 'step', 1, created_at FROM jobs"
        )

        assert world.jobs.purge(state="cancelled", queue="default") == 3

        left = {str(row[0]) for row in world.raw.rows("SELECT id FROM jobs")}
        assert left == set(kept)
        assert not left & set(gone)
        for table in ("job_data", "checkpoints"):
            assert {str(row[0]) for row in world.raw.rows(f"SELECT job_id FROM {table}")} == left
        assert world.raw.count("idempotency") == 0

    def test_leaves_what_ended_too_recently(self, world: World) -> None:
        old, young = brought_to(world, "cancelled"), brought_to(world, "cancelled")
        world.raw.shift("jobs", "finished_at", -120, "id = :id", id=old)

        assert world.jobs.purge(state="cancelled", queue="default", older_than=60) == 1
        assert world.raw.state(young) == "cancelled"

    def test_deletes_more_than_one_batch(self, world: World) -> None:
        world.add(1203)
        world.raw.rows("UPDATE jobs SET state = 'cancelled', finished_at = run_at")
        world.log_is_whole = False

        assert world.jobs.purge(state="cancelled", queue="default") == 1203

    def test_only_of_one_kind_when_one_is_named(self, world: World) -> None:
        kept = brought_to(world, "cancelled")
        gone = world.jobs.enqueue("other", remote=True)
        world.jobs.cancel(gone)

        assert world.jobs.purge(state="cancelled", queue="default", kind="other") == 1
        assert world.raw.state(kept) == "cancelled"

    @pytest.mark.parametrize("state", ["pending", "running", "waiting", "paused", "anything"])
    def test_of_what_is_not_over_is_refused(self, world: World, state: str) -> None:
        with pytest.raises(InvalidArgument, match="purge deletes"):
            world.jobs.purge(state=state, queue="default")

    def test_without_a_queue_is_refused(self, world: World) -> None:
        with pytest.raises(InvalidArgument, match="queue="):
            world.jobs.purge(state="failed")

    @pytest.mark.parametrize("parent_state", ALL)
    def test_never_takes_a_child_whose_parent_may_still_collect_it(self, world: World, parent_state: str) -> None:
        child = brought_to(world, "failed", queue="children")
        parent = brought_to(world, parent_state)
        world.raw.set(child, parent_id=parent)

        deleted = world.jobs.purge(state="failed", queue="children")

        assert deleted == int(parent_state in ("completed", "failed", "cancelled"))

    @pytest.mark.parametrize("dialect", ["postgresql"])
    def test_does_not_delete_a_job_that_is_being_retried(self, world: World) -> None:
        job_id = brought_to(world, "failed")
        with world.raw.transaction():
            world.raw.set(job_id, state="pending", finished_at=None)

            assert world.jobs.purge(state="failed", queue="default") == 0

        assert world.jobs.purge(state="failed", queue="default") == 0
        assert ids(claim(world.store(), 1)) == [job_id]

    def test_frees_the_id_of_nothing_that_still_runs(self, world: World) -> None:
        store, job = world.running()
        world.jobs.purge(state="completed", queue="default")

        assert settle(store, job, Completed(None))
