"""Taking back what a dead tick held, and finding out what became of a write whose answer never came."""

from __future__ import annotations

import threading

import pytest

from tests.support.world import World, claim, settle, tick_id
from tickover.domain.outcome import Completed, Failed, Released
from tickover.engine.recover import reap, recover
from tickover.store.sql_store import SqlStore


class TestReaping:
    def test_takes_only_what_has_expired(self, world: World) -> None:
        world.add(3)
        first, second, third = claim(world.store(), 3).jobs
        world.raw.expire(second.id)
        world.raw.set_instant(third.id, "lease_until", 1.0)

        taken = reap(world.store(), tick_id(), 10)

        assert [job.id for job, _ in taken] == [second.id]
        assert [world.raw.state(job.id) for job in (first, second, third)] == ["running", "pending", "running"]

    def test_never_takes_what_the_reaper_itself_holds(self, world: World) -> None:
        job_id, tick, store = world.add_one(), tick_id(), world.store()
        claim(store, 1, tick=tick)
        world.raw.expire(job_id)

        assert recover(store, tick, 10) == []
        assert reap(store, tick, 10) == []
        assert len(reap(store, tick_id(), 10)) == 1

    def test_is_bounded_and_takes_the_oldest_first(self, world: World) -> None:
        added = world.add(5)
        claim(world.store(), 5)
        for job_id in added:
            world.raw.expire(job_id)
        store = world.store()

        assert [job.id for job, _ in reap(store, tick_id(), 2)] == added[:2]
        assert [job.id for job, _ in recover(store, tick_id(), 2)] == added[2:4]
        assert store.recover(tick_id(), 100).leases == 1

    def test_counts_a_crash_and_erases_the_claim(self, world: World) -> None:
        _, job = world.running()
        world.raw.expire(job.id)

        reap(world.store(), tick_id(), 10)

        row = world.raw.job(job.id)
        assert (row["crashes"], row["crash_run"], row["claim_id"], row["epoch"]) == (1, 1, None, job.lease.epoch)
        assert row["lease_until"] is None
        assert (row["run_at"] - world.raw.now()).total_seconds() > 3

    def test_lands_a_pause_that_was_asked_for(self, world: World) -> None:
        _, job = world.running()
        world.jobs.pause_job(job.id)
        world.raw.expire(job.id)

        reap(world.store(), tick_id(), 10)

        assert world.raw.state(job.id) == "paused"

    def test_does_not_take_a_job_that_was_renewed_after_the_reaper_looked(self, world: World) -> None:
        store, job = world.running()
        world.raw.expire(job.id)
        reaper = world.store()
        assert reaper.recover(tick_id(), 10).leases == 1

        store.beat([job.lease], 60.0)

        assert reap(reaper, tick_id(), 10) == []
        assert settle(store, job, Completed(None))

    def test_does_not_take_a_job_that_completed_after_the_reaper_looked(self, world: World) -> None:
        store, job = world.running()
        world.raw.expire(job.id)
        reaper = world.store()
        assert reaper.recover(tick_id(), 10).leases == 1

        assert settle(store, job, Completed(None))

        assert reap(reaper, tick_id(), 10) == []
        assert world.raw.state(job.id) == "completed"

    def test_by_several_at_once_takes_each_job_once(self, world: World) -> None:
        added = world.add(30)
        claim(world.store(), 30)
        for job_id in added:
            world.raw.expire(job_id)
        stores = [world.store() for _ in range(3)]
        start = threading.Barrier(3)
        taken: list[str] = []

        def work(store: SqlStore) -> None:
            start.wait()
            while found := reap(store, tick_id(), 4):
                taken.extend(job.id for job, _ in found)

        threads = [threading.Thread(target=work, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(taken) == sorted(added)

    @pytest.mark.parametrize("dialect", ["postgresql"])
    def test_does_not_wait_for_a_frozen_transaction_that_holds_one_of_the_jobs(self, world: World) -> None:
        added = world.add(2)
        claim(world.store(), 2)
        for job_id in added:
            world.raw.expire(job_id)
        with world.raw.transaction():
            world.raw.rows("SELECT 1 FROM jobs WHERE id = :id FOR UPDATE", id=added[0])

            assert [job.id for job, _ in reap(world.store(), tick_id(), 10)] == added[1:]


class TestResolving:
    def test_a_job_that_still_runs_at_our_fence_is_held(self, world: World) -> None:
        store, job = world.running()

        assert store.resolve([job.lease]) == {job.id: "held"}

    @pytest.mark.parametrize(
        "outcome", [Completed(None), Failed("no", "E"), Failed("no", "E", retry=False), Released("x")]
    )
    def test_a_write_of_ours_that_was_committed_has_landed(
        self, world: World, outcome: Completed | Failed | Released
    ) -> None:
        store, job = world.running()
        settle(store, job, outcome)

        assert store.resolve([job.lease]) == {job.id: "landed"}

    def test_a_job_that_was_cancelled_is_told_from_one_that_was_lost(self, world: World) -> None:
        store, job = world.running()
        world.jobs.cancel(job.id)

        assert store.resolve([job.lease]) == {job.id: "cancelled"}

    def test_a_job_that_was_reaped_is_lost(self, world: World) -> None:
        store, job = world.running()
        world.raw.expire(job.id)
        reap(world.store(), tick_id(), 10)

        assert store.resolve([job.lease]) == {job.id: "lost"}

    def test_a_job_that_somebody_else_runs_now_is_lost(self, world: World) -> None:
        store, job = world.running()
        world.raw.expire(job.id)
        reap(world.store(), tick_id(), 10)
        world.raw.set_instant(job.id, "run_at", -1)
        claim(world.store(), 1)

        assert store.resolve([job.lease]) == {job.id: "lost"}

    def test_a_job_that_is_gone_is_lost(self, world: World) -> None:
        store, job = world.running()
        world.jobs.cancel(job.id)
        world.jobs.purge(state="cancelled", queue="default")

        assert store.resolve([job.lease]) == {job.id: "lost"}


class TestAdopting:
    def test_finds_what_a_claim_brought_for_this_tick_and_nothing_else(self, world: World) -> None:
        store, tick = world.store(), tick_id()
        world.add(2)
        mine = claim(store, 2, tick=tick).jobs
        world.running()

        adopted = world.store().adopt(tick)

        assert {job.lease for job in adopted} == {job.lease for job in mine}

    def test_finds_nothing_when_the_claim_never_arrived(self, world: World) -> None:
        world.add(2)

        assert world.store().adopt(tick_id()) == []

    def test_leaves_out_what_was_settled_or_taken_since(self, world: World) -> None:
        store, tick = world.store(), tick_id()
        world.add(3)
        first, second, third = claim(store, 3, tick=tick).jobs
        settle(store, first, Completed(None))
        world.jobs.cancel(second.id)

        assert [job.id for job in store.adopt(tick)] == [third.id]
