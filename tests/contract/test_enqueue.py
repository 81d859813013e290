"""Writing jobs: order, unique keys, idempotency windows, one transaction, whatever happens at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.gate import until
from tests.support.world import KIND, World, claim, ids, settle
from tickover import DuplicateJob, NewJob, PayloadError
from tickover.domain.outcome import Completed, Failed
from tickover.errors import InvalidArgument


def new(payload: object = 1, **options: object) -> NewJob[object]:
    return NewJob(KIND, payload, remote=True, **options)  # type: ignore[arg-type]  # options of every kind


class TestEnqueuing:
    def test_many_keeps_the_order_in_ids_and_in_claims(self, world: World) -> None:
        given = world.jobs.enqueue_many(new(n) for n in range(50))

        assert given == sorted(given)
        assert ids(claim(world.store(), 50)) == given
        assert [world.jobs.get(job_id).payload for job_id in given[:3]] == [0, 1, 2]

    def test_many_of_nothing_is_nothing(self, world: World) -> None:
        assert world.jobs.enqueue_many([]) == []

    def test_all_of_a_set_or_none_of_it(self, world: World) -> None:
        with pytest.raises(PayloadError):
            world.jobs.enqueue_many([new(1), new(2), NewJob("work", float("nan"), remote=True)])

        assert world.raw.count("jobs") == 0

    @pytest.mark.parametrize("dialect", ["postgresql"])
    def test_one_row_that_the_database_refuses_keeps_the_whole_set_out(self, world: World) -> None:
        world.raw.rows("ALTER TABLE job_data ADD CONSTRAINT small CHECK (length(args) < 10)")

        with pytest.raises(Exception, match="small"):
            world.jobs.enqueue_many([new(1), new("x" * 100), new(3)])

        assert world.raw.count("jobs") == world.raw.count("job_data") == world.raw.count("events") == 0

    def test_more_jobs_than_one_statement_takes_is_still_one_transaction(self, world: World) -> None:
        given = world.jobs.enqueue_many(new(n) for n in range(10_001))

        assert len(set(given)) == world.raw.count("jobs") == world.raw.count("events") == 10_001

    def test_is_told_as_the_first_event_of_each_job(self, world: World) -> None:
        (job_id,) = world.add(1)

        assert world.raw.rows("SELECT type, n FROM events WHERE job_id = :id", id=job_id) == [("JobEnqueued", 1)]


class TestAUniqueKey:
    def test_refuses_a_second_live_job_and_says_whose_key_it_is(self, world: World) -> None:
        first = world.jobs.enqueue(KIND, 1, remote=True, unique="k")

        with pytest.raises(DuplicateJob) as refused:
            world.jobs.enqueue(KIND, 2, remote=True, unique="k")

        assert refused.value.job_id == first
        assert world.raw.count("jobs") == 1

    def test_within_one_set_makes_one_job_and_its_id_takes_both_places(self, world: World) -> None:
        before = world.jobs.enqueue(KIND, 0, remote=True, unique="old")

        given = world.jobs.enqueue_many([new(1, unique="a"), new(2), new(3, unique="a"), new(4, unique="old")])

        assert given[0] == given[2]
        assert given[3] == before
        assert len(set(given)) == world.raw.count("jobs") == 3
        assert world.jobs.get(given[0]).payload == 1, "the first of the set has the key"

    def test_fifty_at_the_same_moment_make_one_row(self, world: World) -> None:
        answers = _all_at_once(50, lambda n: world.jobs.enqueue(KIND, n, remote=True, unique="k"))

        written = [answer for answer in answers if isinstance(answer, str)]
        duplicates = [answer for answer in answers if isinstance(answer, DuplicateJob)]
        assert len(written) == 1
        assert {error.job_id for error in duplicates} == set(written)
        assert len(duplicates) == 49
        assert world.raw.count("jobs") == 1

    def test_sets_with_the_same_keys_in_opposite_order_do_not_fail_each_other(self, world: World) -> None:
        keys = [f"k{n}" for n in range(300)]
        orders = [keys, keys[::-1], keys, keys[::-1]]

        answers = _all_at_once(4, lambda n: world.jobs.enqueue_many(new(key, unique=key) for key in orders[n]))

        assert all(isinstance(answer, list) for answer in answers), answers
        assert world.raw.count("jobs") == 300
        if world.dialect == "postgresql":
            world.jobs.close()  # a backend that ends says what it counted
            ended = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            until(lambda: world.raw.one(ended) == 1)
            assert world.raw.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0

    def test_differs_from_one_in_other_case_and_from_one_of_another_tenant(self, world: World) -> None:
        given = world.jobs.enqueue_many(
            [new(1, unique="key"), new(2, unique="KEY"), new(3, unique="key", tenant="a"), new(4, unique="ключ"), new(5, unique="КЛЮЧ")]
        )  # fmt: skip

        assert len(set(given)) == 5

    @pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
    def test_is_free_again_when_its_job_is_over(self, world: World, end: str) -> None:
        store, job = world.running(unique="k")
        if end == "cancelled":
            world.jobs.cancel(job.id)
        else:
            settle(store, job, Completed(None) if end == "completed" else Failed("no", "E", retry=False))
        assert world.raw.state(job.id) == end

        assert world.jobs.enqueue(KIND, 2, remote=True, unique="k") != job.id

    @pytest.mark.parametrize("how", ["running", "retrying", "paused", "delayed"])
    def test_is_held_in_every_state_that_is_not_the_end(self, world: World, how: str) -> None:
        job_id = world.add_one(unique="k", **({"delay": 3600} if how == "delayed" else {}))
        store = world.store()
        if how == "paused":
            world.jobs.pause_job(job_id)
        elif how != "delayed":
            (job,) = claim(store, 1).jobs
            if how == "retrying":
                settle(store, job, Failed("no", "E"))

        with pytest.raises(DuplicateJob):
            world.add_one_by_name(unique="k")

    def test_is_held_by_a_job_that_waits(self, world: World) -> None:
        job_id = world.add_one(unique="k")
        world.raw.rows(
            "UPDATE jobs SET state = 'running', lease_until = run_at, holder = id, claim_id = id WHERE id = :id",
            id=job_id,
        )
        world.raw.set(job_id, state="waiting", wait_kind="signal", lease_until=None)

        with pytest.raises(DuplicateJob):
            world.add_one_by_name(unique="k")

    @pytest.mark.parametrize("key", ["", "x" * 256, "nul\0", 5])
    def test_that_no_database_could_hold_is_refused_before_anything_is_sent(self, world: World, key: str) -> None:
        with pytest.raises(InvalidArgument, match="unique="):
            world.jobs.enqueue(KIND, 1, remote=True, unique=key)

    def test_of_255_characters_is_held_like_any_other(self, world: World) -> None:
        world.add_one(unique="é" * 255)

        with pytest.raises(DuplicateJob):
            world.add_one_by_name(unique="é" * 255)


class TestAnIdempotencyWindow:
    def test_gives_the_first_id_back_without_an_error(self, world: World) -> None:
        first = world.add_one_by_name(idempotency_key="w")

        assert world.add_one_by_name(idempotency_key="w") == first
        assert world.raw.count("jobs") == 1

    def test_holds_on_after_its_job_completed(self, world: World) -> None:
        store, job = world.running(idempotency_key="w")
        settle(store, job, Completed(None))

        assert world.add_one_by_name(idempotency_key="w") == job.id

    def test_ends(self, world: World) -> None:
        first = world.add_one_by_name(idempotency_key="w", idempotency_ttl=60)
        world.raw.shift("idempotency", "expires_at", -61)

        second = world.add_one_by_name(idempotency_key="w", idempotency_ttl=60)

        assert second != first
        assert world.add_one_by_name(idempotency_key="w") == second

    @pytest.mark.parametrize("how", ["failed", "cancelled", "purged"])
    def test_is_taken_over_when_its_job_came_to_nothing(self, world: World, how: str) -> None:
        store, job = world.running(idempotency_key="w")
        if how == "failed":
            settle(store, job, Failed("no", "E", retry=False))
        else:
            world.jobs.cancel(job.id)
        if how == "purged":
            world.jobs.purge(state="cancelled", queue="default")
            assert world.raw.count("idempotency") == 0, "a purge takes the windows along"

        second = world.add_one_by_name(idempotency_key="w")

        assert second != job.id
        assert world.add_one_by_name(idempotency_key="w") == second

    def test_is_not_taken_over_while_its_job_retries(self, world: World) -> None:
        store, job = world.running(idempotency_key="w")
        settle(store, job, Failed("no", "E"))

        assert world.add_one_by_name(idempotency_key="w") == job.id

    def test_is_per_tenant_and_case_sensitive(self, world: World) -> None:
        given = [world.add_one_by_name(idempotency_key="w", **more) for more in ({}, {"tenant": "a"}, {"tenant": "b"})]
        given.append(world.add_one_by_name(idempotency_key="W"))

        assert len(set(given)) == 4

    def test_within_one_set_makes_one_job(self, world: World) -> None:
        given = world.jobs.enqueue_many([new(1, idempotency_key="w"), new(2, idempotency_key="w"), new(3)])

        assert given[0] == given[1] != given[2]
        assert world.jobs.get(given[0]).payload == 1

    def test_asked_for_fifty_times_at_the_same_moment_has_one_job(self, world: World) -> None:
        answers = _all_at_once(50, lambda n: world.add_one_by_name(n, idempotency_key="w"))

        assert len(set(answers)) == 1, answers
        assert world.raw.count("jobs") == 1

    def test_does_not_hide_that_another_job_holds_the_unique_key(self, world: World) -> None:
        holder = world.add_one_by_name(unique="k")

        with pytest.raises(DuplicateJob) as refused:
            world.add_one_by_name(unique="k", idempotency_key="w")

        assert refused.value.job_id == holder

    @pytest.mark.parametrize("ttl", [0, -1, float("nan"), "an hour"])
    def test_needs_a_length(self, world: World, ttl: float) -> None:
        with pytest.raises(InvalidArgument, match="idempotency_ttl"):
            world.add_one_by_name(idempotency_key="w", idempotency_ttl=ttl)

    def test_needs_a_key(self, world: World) -> None:
        for options in ({"idempotency_key": ""}, {"idempotency_ttl": 60}):
            with pytest.raises(InvalidArgument, match="idempotency_key"):
                world.add_one_by_name(**options)


def _all_at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """What each of so many threads got, or the exception that it got."""
    start = threading.Barrier(count)

    def one(n: int) -> object:
        start.wait()
        try:
            return work(n)
        except Exception as error:  # noqa: BLE001  # an answer like any other
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))
