"""Many jobs changed by one of ours, in chunks, over as many ticks as it takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.raw import Raw
from tickover import Settings, Tickover
from tickover.app.bulk import Order, order_bulk
from tickover.app.sets import change_jobs

WHO: Any = {"who": "ann", "reason": "the processor is back", "target": "kind charge"}


@pytest.fixture
def broken(jobs: Tickover) -> list[bool]:
    """250 dead letters of a kind that fails while this holds True."""
    down = [True]

    @jobs.job(retries=0)
    def charge(n: int) -> None:
        if down[0]:
            raise TimeoutError(f"no reply for {n}")

    jobs.enqueue_many([charge.new(n) for n in range(250)])
    jobs.drain(30)
    return down


def states(jobs: Tickover, kind: str = "charge") -> dict[str, int]:
    found = jobs.find(kind=kind, limit=1000)
    return {state: sum(job.state == state for job in found) for state in {job.state for job in found}}


def last_note(raw: Raw) -> tuple[object, ...]:
    return tuple(raw.rows("SELECT who, action, target, count, reason, result FROM audit ORDER BY id")[-1])


def test_all_that_match_run_again_and_the_log_says_how_it_ended(jobs: Tickover, broken: list[bool], raw: Raw) -> None:
    broken[0] = False
    job_id = order_bulk(
        jobs._core, Order(verb="retry", filters={"state": "failed", "kind": "charge"}, total=250, **WHO)
    )
    jobs.drain(30)
    assert states(jobs) == {"completed": 250}
    assert jobs.result(job_id)["said"] == "250 changed, 0 left as they were"
    assert last_note(raw) == (
        "ann", "Retry many: ended", "kind charge", 250, "the processor is back", "250 changed, 0 left as they were",
    )  # fmt: skip


def test_a_probe_that_fails_stops_the_rest(jobs: Tickover, broken: list[bool], raw: Raw) -> None:
    ids = [job.id for job in jobs.find(kind="charge", limit=1000)]
    job_id = order_bulk(jobs._core, Order(verb="retry", ids=ids, probe=True, total=250, **WHO))
    jobs.drain(30)
    assert states(jobs) == {"failed": 250}
    assert {job.attempt for job in jobs.find(kind="charge", limit=1000)} == {1, 2}
    said = jobs.result(job_id)["said"]
    assert "nothing else was touched" in said
    assert last_note(raw)[-1] == said


def test_a_probe_that_completes_lets_the_rest_follow(jobs: Tickover, broken: list[bool]) -> None:
    broken[0] = False
    ids = [job.id for job in jobs.find(kind="charge", limit=1000)]
    job_id = order_bulk(jobs._core, Order(verb="retry", ids=ids, probe=True, total=250, **WHO))
    jobs.drain(30)
    assert states(jobs) == {"completed": 250}
    assert jobs.result(job_id)["changed"] == 250


def test_it_can_be_stopped_and_what_it_did_stands(jobs: Tickover, broken: list[bool]) -> None:
    job_id = order_bulk(
        jobs._core, Order(verb="purge", filters={"state": "failed", "queue": "default"}, total=250, **WHO)
    )
    jobs.cancel(job_id)
    jobs.drain(30)
    assert states(jobs) == {"failed": 250}


def test_a_purge_in_chunks_leaves_nothing_of_them(jobs: Tickover, broken: list[bool]) -> None:
    job_id = order_bulk(
        jobs._core, Order(verb="purge", filters={"state": "failed", "queue": "default"}, total=250, **WHO)
    )
    jobs.drain(30)
    assert states(jobs) == {}
    assert jobs.result(job_id)["changed"] == 250


def test_it_never_ends_itself(jobs: Tickover) -> None:
    @jobs.job
    def later(n: int) -> None: ...

    jobs.enqueue_many([later.using(delay=600).new(n) for n in range(150)])
    job_id = order_bulk(jobs._core, Order(verb="cancel", filters={}, total=150, **WHO))
    jobs.drain(30)
    assert jobs.result(job_id)["said"] == "150 changed, 0 left as they were"
    assert states(jobs, "later") == {"cancelled": 150}


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_it_goes_where_ticks_look(migrated_url: str) -> None:
    with Tickover(migrated_url, settings=Settings(queues={"emails": 1})) as jobs:
        job_id = order_bulk(jobs._core, Order(verb="cancel", filters={}, total=0, **WHO))
        assert jobs.get(job_id).queue == "emails"


def test_each_verb_changes_those_that_it_applies_to(jobs: Tickover) -> None:
    @jobs.job
    def work(n: int) -> None: ...

    ids = [work.using(delay=600).enqueue(n) for n in range(3)]
    assert change_jobs(jobs._core, "pause", ids) == 3
    assert change_jobs(jobs._core, "pause", ids) == 0
    assert change_jobs(jobs._core, "resume", ids[:1]) == 1
    assert change_jobs(jobs._core, "cancel", ids) == 3
    assert change_jobs(jobs._core, "cancel", ids) == 0
    assert change_jobs(jobs._core, "retry", ids) == 3


def test_jobs_are_paused_in_the_order_in_which_everybody_locks_them(jobs: Tickover, raw: Raw) -> None:
    """In one transaction with the audit log they are all held until its end: another order would be a deadlock with a tick."""

    @jobs.job
    def work(n: int) -> None: ...

    ids = [work.using(delay=600).enqueue(n) for n in range(3)]
    jobs._core.together(lambda _: change_jobs(jobs._core, "pause", ids[::-1]))
    told = raw.rows("SELECT job_id FROM events WHERE type = 'JobPaused' ORDER BY seq")
    assert [str(job_id) for (job_id,) in told] == ids


def test_the_kind_is_ours_and_not_among_the_users(jobs: Tickover) -> None:
    assert jobs._core.registry.get("tickover.bulk") is not None
    assert jobs._core.registry.names() == []
