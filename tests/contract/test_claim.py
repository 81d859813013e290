"""What a claim promises: exactly n, nobody else's, in order, from the queues that are served, all or nothing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.world import World, claim, ids, tick_id
from tickover.errors import InvalidArgument
from tickover.store.sql_store import SqlStore


class TestAClaimTakesExactlyWhatWasAsked:
    def test_it_takes_n_jobs_when_more_are_ready(self, world: World) -> None:
        world.add(20)

        taken = claim(world.store(), 7)

        assert len(taken.jobs) == 7
        assert world.raw.count("jobs", "state = 'running'") == 7

    def test_it_takes_all_there_are_when_fewer_are_ready(self, world: World) -> None:
        added = world.add(3)

        assert ids(claim(world.store(), 10)) == added

    def test_two_claimers_at_the_same_moment_get_different_jobs(self, world: World) -> None:
        added = world.add(60)
        stores = [world.store(), world.store(), world.store()]
        start = threading.Barrier(len(stores))
        taken: list[list[str]] = [[] for _ in stores]

        def take(index: int, store: SqlStore) -> None:
            start.wait()
            while len(taken[index]) < 60 and (more := ids(claim(store, 5))):
                taken[index] += more

        threads = [threading.Thread(target=take, args=pair) for pair in enumerate(stores)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(sum(taken, [])) == sorted(added)

    @pytest.mark.parametrize("dialect", ["postgresql"])
    def test_it_skips_jobs_that_another_claim_has_locked_and_does_not_wait(self, world: World) -> None:
        first, second = world.add(2)
        slow = world.store()
        with slow.transaction():
            assert ids(claim(slow, 1)) == [first]

            assert ids(claim(world.store(), 5)) == [second]

    @pytest.mark.parametrize("dialect", ["postgresql"])
    def test_an_uncommitted_row_that_refers_to_the_job_does_not_hide_it(self, world: World) -> None:
        job_id = world.add_one()
        with world.raw.transaction():
            world.raw.rows("SELECT 1 FROM jobs WHERE id = :id FOR KEY SHARE", id=job_id)

            assert ids(claim(world.store(), 1)) == [job_id]

    def test_a_claim_that_fails_on_its_way_leaves_no_job_running(self, world: World) -> None:
        world.add(2, queue="a")
        world.add(2, queue="b")
        _refuse_claims_of_queue_b(world)

        with pytest.raises(Exception, match="queue b is out of order"):
            claim(world.store(), 10)

        assert world.raw.count("jobs", "state = 'running'") == 0
        assert world.raw.count("events", "type = 'JobStarted'") == 0


class TestAClaimKeepsTheOrder:
    def test_higher_priority_first_then_the_older_due_time_then_the_id(self, world: World) -> None:
        now = datetime.now(UTC)
        late, early = now - timedelta(seconds=60), now - timedelta(seconds=120)
        low = world.add_one(priority=-1, at=early)
        first, second = world.add(2, at=late)
        before = world.add_one(at=early)
        high = world.add_one(priority=5, at=late)
        store = world.store()

        one_by_one = [job_id for _ in range(5) for job_id in ids(claim(store, 1))]

        assert one_by_one == [high, before, first, second, low]

    def test_the_whole_range_of_priorities_is_ordered(self, world: World) -> None:
        by_priority = {p: world.add_one(priority=p) for p in (0, -32768, 7, 32767, -1)}
        store = world.store()

        taken = [job_id for _ in by_priority for job_id in ids(claim(store, 1))]

        assert taken == [by_priority[p] for p in sorted(by_priority, reverse=True)]

    def test_instants_that_differ_by_a_millisecond_are_ordered(self, world: World) -> None:
        moment = datetime(2024, 5, 1, 12, 0, 0, 500_000, tzinfo=UTC)
        second = world.add_one(at=moment + timedelta(milliseconds=1))
        first = world.add_one(at=moment)

        assert ids(claim(world.store(), 1)) == [first]
        assert second != first

    def test_an_instant_means_the_same_in_every_zone(self, world: World) -> None:
        noon_in_utc = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
        second = world.add_one(at=noon_in_utc)
        first = world.add_one(at=datetime.fromisoformat("2024-05-01T13:59:00+02:00"))

        assert ids(claim(world.store(), 2)) == [first, second]


class TestAClaimServesQueues:
    def test_every_queue_when_none_is_named(self, world: World) -> None:
        world.add(2, queue="a")
        world.add(2, queue="b")

        assert {job.queue for job in claim(world.store(), 10).jobs} == {"a", "b"}

    def test_only_the_named_ones(self, world: World) -> None:
        world.add(2, queue="a")
        world.add(2, queue="b")

        assert {job.queue for job in claim(world.store(), 10, queues={"b": 10, "empty": 5}).jobs} == {"b"}

    def test_each_up_to_its_room(self, world: World) -> None:
        for queue in "abc":
            world.add(10, queue=queue)

        taken = claim(world.store(), 20, queues={"a": 2, "b": 5, "c": 0}).jobs

        assert sorted(job.queue for job in taken) == ["a"] * 2 + ["b"] * 5

    def test_room_of_all_queues_together_is_still_bounded_by_n(self, world: World) -> None:
        world.add(10, queue="a")
        world.add(10, queue="b")

        assert len(claim(world.store(), 6, queues={"a": 5, "b": 5}).jobs) == 6

    def test_queues_take_turns_so_that_none_starves(self, world: World) -> None:
        world.add(50, queue="a", priority=10)
        world.add(50, queue="b")
        world.add(1, queue="c", priority=-10)

        queues = [job.queue for job in claim(world.store(), 7).jobs]

        assert sorted(queues) == ["a"] * 3 + ["b"] * 3 + ["c"]

    def test_slots_that_get_free_one_by_one_go_round_too(self, world: World) -> None:
        for queue in "abc":
            world.add(10, queue=queue)
        store = world.store()

        queues = [job.queue for turn in range(9) for job in claim(store, 1, turn=turn).jobs]

        assert sorted(queues[:3]) == sorted(queues[3:6]) == sorted(queues[6:]) == ["a", "b", "c"]

    def test_of_several_queues_each_gives_its_most_urgent_jobs(self, world: World) -> None:
        for queue in "ab":
            world.add(3, queue=queue)
        urgent = [world.add_one(queue=queue, priority=9) for queue in "ab"]

        assert sorted(ids(claim(world.store(), 2))) == sorted(urgent)

    def test_many_queues_each_give_a_few_and_still_fill_the_claim(self, world: World) -> None:
        for index in range(40):
            world.add(3, queue=f"q{index:02}")

        assert len({job.queue for job in claim(world.store(), 40).jobs}) == 40
        assert len(claim(world.store(), 40).jobs) == 40

    def test_a_full_queue_does_not_keep_the_others_waiting(self, world: World) -> None:
        world.add(300, queue="a", priority=100)
        wanted = world.add(2, queue="b")

        assert sorted(ids(claim(world.store(), 10, queues={"a": 0, "b": 10}))) == sorted(wanted)


class TestAClaimRespectsPauses:
    def test_a_paused_queue_gives_nothing_and_the_others_go_on(self, world: World) -> None:
        world.add(2, queue="a")
        kept = world.add(2, queue="b")
        world.jobs.pause_queue("a")

        assert ids(claim(world.store(), 10)) == kept
        world.jobs.resume_queue("a")
        assert len(claim(world.store(), 10).jobs) == 2

    def test_a_pause_that_was_committed_is_seen_by_the_next_claim_of_an_open_connection(self, world: World) -> None:
        store = world.store()
        world.add(2, queue="a")
        assert len(claim(store, 1).jobs) == 1

        world.jobs.pause_queue("a")

        assert not claim(store, 1).jobs

    @pytest.mark.parametrize("mode", ["graceful", "aggressive"])
    def test_a_paused_fleet_gives_nothing_and_the_claim_says_so(self, world: World, mode: str) -> None:
        world.add(2)
        world.jobs.pause_ticks("graceful" if mode == "graceful" else "aggressive")

        taken = claim(world.store(), 10)

        assert not taken.jobs
        assert taken.paused == mode

    def test_a_paused_job_stays_where_it_is(self, world: World) -> None:
        first, second = world.add(2)
        world.jobs.pause_job(first)

        assert ids(claim(world.store(), 10)) == [second]


class TestAClaimLooksAtTime:
    def test_a_delayed_job_is_not_taken_before_its_time(self, world: World) -> None:
        job_id = world.add_one(delay=3600)
        store = world.store()
        assert not claim(store, 10).jobs

        world.raw.shift("jobs", "run_at", -3601)

        assert ids(claim(store, 10)) == [job_id]

    def test_it_says_when_the_next_job_is_due(self, world: World) -> None:
        world.add(1, delay=7200)
        world.add(1, delay=600)

        due = claim(world.store(), 10).due

        assert due is not None
        assert due.at is not None
        assert not due.now
        assert 590 < (due.at - datetime.now(UTC)).total_seconds() < 610

    def test_a_job_that_needs_more_time_than_is_left_waits_for_a_longer_window(self, world: World) -> None:
        job_id = world.add_one()
        world.raw.set(job_id, need_ms=30_000)

        assert not claim(world.store(), 10, window_left=29.0).jobs
        assert ids(claim(world.store(), 10, window_left=30.0)) == [job_id]

    def test_hundreds_of_future_jobs_at_a_high_priority_hide_nothing(self, world: World) -> None:
        world.add(500, priority=100, delay=3600)
        job_id = world.add_one()

        assert ids(claim(world.store(), 10)) == [job_id]


class TestWhatAClaimWrites:
    def test_a_lease_by_the_databases_clock_and_a_new_epoch_each_time(self, world: World) -> None:
        job_id = world.add_one()
        tick = tick_id()

        (job,) = claim(world.store(), 1, tick=tick, lease=42.0).jobs

        row = world.raw.job(job_id)
        assert (row["state"], row["holder"], row["epoch"], row["starts"]) == ("running", tick, 1, 1)
        assert (job.lease.epoch, job.lease.claim_id) == (row["epoch"], row["claim_id"])
        assert 40 < (row["lease_until"] - world.raw.now()).total_seconds() <= 42

    def test_payload_and_result_are_not_rewritten(self, world: World) -> None:
        job_id = world.add_one()
        where = "xmin" if world.dialect == "postgresql" else "rowid"
        before = world.raw.one(f"SELECT {where} FROM job_data WHERE job_id = :id", id=job_id)

        claim(world.store(), 1)

        assert world.raw.one(f"SELECT {where} FROM job_data WHERE job_id = :id", id=job_id) == before

    def test_one_row_for_a_tick_that_got_work_and_none_for_one_that_did_not(self, world: World) -> None:
        store, tick = world.store(), tick_id()
        claim(store, 5, tick=tick)
        assert world.raw.count("ticks") == 0
        world.add(3)

        claim(store, 2, tick=tick)
        claim(store, 2, tick=tick)

        assert world.raw.rows("SELECT CAST(id AS text), claimed FROM ticks") == [(tick, 3)]

    def test_a_malformed_id_never_reaches_the_database(self, world: World) -> None:
        with pytest.raises(InvalidArgument, match="is not a job id"):
            world.jobs.get("nonsense")


def _refuse_claims_of_queue_b(world: World) -> None:
    if world.dialect == "sqlite":
        world.raw.rows("""
            CREATE TRIGGER out_of_order BEFORE UPDATE OF holder ON jobs WHEN NEW.queue = 'b' AND NEW.state = 'running'
            BEGIN SELECT RAISE(ABORT, 'queue b is out of order'); END""")
        return
    world.raw.rows("""
        CREATE FUNCTION out_of_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'queue b is out of order'; END $$""")
    world.raw.rows("""
        CREATE TRIGGER out_of_order BEFORE UPDATE OF holder ON jobs FOR EACH ROW
        WHEN (NEW.queue = 'b' AND NEW.state = 'running') EXECUTE FUNCTION out_of_order()""")
