"""Fences: whoever is not the holder any more is refused by every verb, and nothing it says is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.world import World, claim, settle, tick_id
from tickover.domain.ids import ClaimId, Epoch, new_id
from tickover.domain.job import Claimed
from tickover.domain.outcome import Completed, Crashed, Failed, Outcome, Released
from tickover.engine.recover import reap
from tickover.store.sql_store import SqlStore

Stale = Callable[[World, SqlStore, Claimed], Claimed]
OUTCOMES: list[Outcome] = [Completed('"stolen"'), Failed("stolen", "Stolen"), Released("stolen"), Crashed()]


def with_an_older_epoch(_world: World, _store: SqlStore, job: Claimed) -> Claimed:
    return _with(job, epoch=job.lease.epoch - 1)


def with_a_newer_epoch(_world: World, _store: SqlStore, job: Claimed) -> Claimed:
    return _with(job, epoch=job.lease.epoch + 1)


def with_another_claim_id(_world: World, _store: SqlStore, job: Claimed) -> Claimed:
    return _with(job, claim_id=new_id())


def after_it_was_reaped(world: World, _store: SqlStore, job: Claimed) -> Claimed:
    world.raw.expire(job.id)
    assert len(reap(world.store(), tick_id(), 10)) == 1
    return job


def after_it_was_reaped_and_claimed_again(world: World, store: SqlStore, job: Claimed) -> Claimed:
    after_it_was_reaped(world, store, job)
    world.raw.set_instant(job.id, "run_at", -1)
    assert len(claim(world.store(), 1).jobs) == 1
    return job


def after_it_was_cancelled(world: World, _store: SqlStore, job: Claimed) -> Claimed:
    world.jobs.cancel(job.id)
    return job


def after_it_was_settled(_world: World, store: SqlStore, job: Claimed) -> Claimed:
    assert settle(store, job, Failed("first", "First"))
    return job


def after_it_was_settled_and_claimed_again(world: World, store: SqlStore, job: Claimed) -> Claimed:
    assert settle(store, job, Failed("first", "First", delay=0.0))
    assert len(claim(world.store(), 1).jobs) == 1
    return job


def after_it_was_deleted(world: World, _store: SqlStore, job: Claimed) -> Claimed:
    world.jobs.cancel(job.id)
    assert world.jobs.purge(state="cancelled", queue="default") == 1
    return job


STALE: list[Stale] = [
    with_an_older_epoch, with_a_newer_epoch, with_another_claim_id, after_it_was_reaped, after_it_was_cancelled,
    after_it_was_reaped_and_claimed_again, after_it_was_settled, after_it_was_settled_and_claimed_again,
    after_it_was_deleted,
]  # fmt: skip
every_way = pytest.mark.parametrize("stale", STALE, ids=lambda stale: stale.__name__)


class TestAHolderWhoseLeaseIsStale:
    @every_way
    def test_cannot_settle(self, world: World, stale: Stale) -> None:
        store, job = world.running()
        job = stale(world, store, job)
        before, told = _everything(world), world.raw.count("events")

        for outcome in OUTCOMES:
            assert not settle(store, job, outcome)
            assert not settle(store, job, outcome, reaping=True)

        assert _everything(world) == before
        assert world.raw.count("events") == told, "a refused write is not told either"

    @every_way
    def test_cannot_renew_its_lease(self, world: World, stale: Stale) -> None:
        store, job = world.running()
        job = stale(world, store, job)
        before = _everything(world)

        beat = store.beat([job.lease], 600.0)

        assert beat.held == frozenset()
        assert _everything(world) == before

    @every_way
    def test_cannot_say_how_far_it_is(self, world: World, stale: Stale) -> None:
        store, job = world.running()
        job = stale(world, store, job)
        before, told = _everything(world), world.raw.count("events")

        store.progress({job.lease: '[0.5,"stolen"]'})

        assert _everything(world) == before
        assert world.raw.count("events") == told


class TestABeat:
    def test_renews_what_is_ours_for_so_many_seconds_from_now(self, world: World) -> None:
        store, job = world.running()
        world.raw.shift("jobs", "lease_until", -50)

        beat = store.beat([job.lease], 30.0)

        left = (world.raw.job(job.id)["lease_until"] - world.raw.now()).total_seconds()
        assert beat.held == {job.id}
        assert 28 < left <= 30

    def test_renews_even_a_lease_that_ran_out_as_long_as_nobody_took_the_job(self, world: World) -> None:
        store, job = world.running()
        world.raw.expire(job.id)

        assert store.beat([job.lease], 30.0).held == {job.id}
        assert reap(world.store(), tick_id(), 10) == []

    def test_of_a_set_brings_back_only_what_is_still_held(self, world: World) -> None:
        world.add(3)
        store = world.store()
        jobs = claim(store, 3).jobs
        world.jobs.cancel(jobs[0].id)
        world.jobs.pause_job(jobs[1].id)

        beat = store.beat([job.lease for job in jobs], 30.0)

        assert beat.held == {jobs[1].id, jobs[2].id}
        assert beat.pausing == {jobs[1].id}

    @pytest.mark.parametrize("mode", ["graceful", "aggressive"])
    def test_brings_the_fleets_pause(self, world: World, mode: str) -> None:
        store, job = world.running()
        assert store.beat([job.lease], 30.0).fleet is None

        world.jobs.pause_ticks("graceful" if mode == "graceful" else "aggressive")

        assert store.beat([job.lease], 30.0).fleet == mode

    def test_counts_nothing_and_is_not_told(self, world: World) -> None:
        store, job = world.running()
        told = world.raw.count("events")

        store.beat([job.lease], 30.0)

        assert world.raw.count("events") == told


class TestProgress:
    def test_of_the_holder_is_kept_and_told(self, world: World) -> None:
        store, job = world.running()

        store.progress({job.lease: '[0.25,"a quarter"]'})

        assert world.jobs.get(job.id).progress == (0.25, "a quarter")
        assert world.raw.count("events", "type = 'Progress'") == 1

    def test_of_two_jobs_is_not_mixed_up(self, world: World) -> None:
        world.add(2)
        store = world.store()
        first, second = claim(store, 2).jobs

        store.progress({first.lease: '[0.1,"first"]', second.lease: '[0.2,"second"]'})

        assert world.jobs.get(first.id).progress == (0.1, "first")
        assert world.jobs.get(second.id).progress == (0.2, "second")


def _with(job: Claimed, *, epoch: int | None = None, claim_id: str | None = None) -> Claimed:
    lease = replace(
        job.lease,
        epoch=job.lease.epoch if epoch is None else Epoch(epoch),
        claim_id=job.lease.claim_id if claim_id is None else ClaimId(claim_id),
    )
    return replace(job, lease=lease)


def _everything(world: World) -> list[tuple[object, ...]]:
    return world.raw.rows("SELECT * FROM jobs LEFT JOIN job_data ON job_id = id ORDER BY id")
