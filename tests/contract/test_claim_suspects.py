"""Jobs that crashed before: started at once or not at all, and after two crashes with nothing beside them."""

from __future__ import annotations

from tests.support.world import World, claim, ids


class TestAJobThatCrashedOnce:
    def test_it_is_not_claimed_ahead_of_a_free_slot(self, world: World) -> None:
        job_id = world.add_one()
        world.raw.set(job_id, crash_run=1)
        store = world.store()

        assert not claim(store, 5, free=0, alone=False).jobs
        assert ids(claim(store, 5, free=1, alone=False)) == [job_id]

    def test_it_takes_one_free_slot_each_and_the_others_are_claimed_ahead(self, world: World) -> None:
        crashed = world.add(4)
        for job_id in crashed:
            world.raw.set(job_id, crash_run=1)
        plain = world.add(4)

        taken = ids(claim(world.store(), 8, free=2, alone=False))

        assert sorted(taken) == sorted(crashed[:2] + plain)

    def test_it_does_not_wait_behind_plain_jobs_that_take_the_free_slots_first(self, world: World) -> None:
        plain = world.add(3)
        crashed = world.add_one()
        world.raw.set(crashed, crash_run=1)

        taken = ids(claim(world.store(), 8, free=2, alone=False))

        assert taken == plain, "two slots are free and three plain jobs come first: it would wait in this process"

    def test_it_may_run_beside_others(self, world: World) -> None:
        first, second = world.add(2)
        world.raw.set(first, crash_run=1)

        assert ids(claim(world.store(), 2)) == [first, second]


class TestASuspect:
    def test_after_two_crashes_it_is_claimed_alone(self, world: World) -> None:
        suspect, *_ = world.add(3)
        world.raw.set(suspect, crash_run=2)

        assert ids(claim(world.store(), 3)) == [suspect]

    def test_nothing_of_it_is_claimed_while_anything_else_runs(self, world: World) -> None:
        suspect, *others = world.add(3)
        world.raw.set(suspect, crash_run=2)

        assert ids(claim(world.store(), 3, alone=False)) == others

    def test_two_of_them_are_claimed_one_after_the_other(self, world: World) -> None:
        suspects = world.add(2)
        for job_id in suspects:
            world.raw.set(job_id, crash_run=3)
        store = world.store()

        assert ids(claim(store, 5)) == suspects[:1]
        assert ids(claim(store, 5)) == suspects[1:]

    def test_it_waits_for_its_turn_in_the_queue(self, world: World) -> None:
        first, suspect, last = world.add(3)
        world.raw.set(suspect, crash_run=2)
        store = world.store()

        assert ids(claim(store, 3)) == [first, last]
        assert ids(claim(store, 3)) == [suspect]

    def test_a_job_that_may_crash_once_only_is_alone_from_its_second_run_on(self, world: World) -> None:
        suspect, *_ = world.add(3, max_crashes=2)
        world.raw.set(suspect, crash_run=1)

        assert ids(claim(world.store(), 3)) == [suspect]

    def test_of_a_paused_queue_keeps_nobody_waiting(self, world: World) -> None:
        suspect = world.add_one(queue="a")
        world.raw.set(suspect, crash_run=2)
        plain = world.add(2, queue="b")
        world.jobs.pause_queue("a")

        assert ids(claim(world.store(), 5)) == plain
