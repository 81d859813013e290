"""Sets of jobs, keys and many hands: nobody deadlocks, nobody gets what another has, and who loses is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import cast

import psycopg
import pytest

from tests.interleavings.arena import Arena, wanted
from tests.support.process import until
from tickover import DuplicateJob, NewJob, Tickover, faults
from tickover.domain.decide import Transition
from tickover.domain.ids import TickId, new_id
from tickover.domain.job import Lease
from tickover.store.port import TickHead
from tickover.store.sql_store import SqlStore


def _settle(store: SqlStore, leases: list[Lease]) -> int:
    transitions = [Transition(lease=x, state="completed", counter="completed", event="JobCompleted") for x in leases]
    return len(store.settle(transitions, tick=TickId(new_id())))


def _progress(store: SqlStore, leases: list[Lease]) -> int:
    store.progress(dict.fromkeys(leases, "[0.5,null]"))
    return len(leases)


SETS: dict[str, Callable[[SqlStore, list[Lease]], int]] = {
    "beat": lambda store, leases: len(store.beat(leases, 60.0).held),
    "progress": _progress,
    "settle": _settle,
}


@pytest.mark.parametrize("arena", ["postgresql"], indirect=True)
@pytest.mark.parametrize("backward", SETS)
@pytest.mark.parametrize("forward", SETS)
def test_two_sets_in_opposite_orders_do_not_deadlock(arena: Arena, forward: str, backward: str) -> None:
    leases = _running(arena, 9)
    results: list[int] = []

    def act(jobs: Tickover, verb: str, mine: list[Lease]) -> None:
        results.append(jobs._core.do(lambda store: SETS[verb](store, mine)))

    # The row in the middle is held, so both stop half-way: each has then locked whatever its order puts first.
    with psycopg.connect(arena.url) as held:
        held.execute("SELECT 1 FROM jobs WHERE id = %s FOR UPDATE", [leases[4].job_id])
        threads = [
            threading.Thread(target=act, args=(arena.first, forward, leases)),
            threading.Thread(target=act, args=(arena.second, backward, leases[::-1])),
        ]
        for number, thread in enumerate(threads, start=1):
            thread.start()
            until(lambda wanted=number: _waiting(arena) == wanted, "a session waits for a lock")  # type: ignore[misc]  # number is bound
        held.rollback()
    for thread in threads:
        thread.join(20)

    assert len(results) == 2
    assert max(results) == 9
    assert arena.deadlocks() == 0


def test_many_ticks_that_claim_at_once_share_the_jobs(arena: Arena) -> None:
    arena.prepare("cancelled")
    ids = arena.first.enqueue_many([NewJob("plain", n) for n in range(40)])
    barrier = threading.Barrier(8)
    taken: list[list[str]] = []

    def claim() -> None:
        with Tickover(arena.url) as jobs:
            jobs.job(_plain)
            head = TickHead(tick_id=TickId(new_id()), trigger="test")
            barrier.wait(20)
            mine: list[str] = []
            while not _drained(arena):
                mine += _take(jobs, head, 3)
            taken.append(mine)

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(taken) == 8
    assert sorted(job for mine in taken for job in mine) == sorted(ids)
    assert arena.look.rows("SELECT DISTINCT epoch FROM jobs WHERE state = 'running'") == [(1,)]


def test_of_many_enqueues_of_one_key_one_wins_and_the_others_learn_its_id(arena: Arena) -> None:
    arena.prepare("cancelled")
    barrier = threading.Barrier(6)
    won: list[str] = []
    lost: list[str] = []

    def enqueue() -> None:
        with Tickover(arena.url) as jobs:
            barrier.wait(20)
            try:
                won.append(jobs.enqueue("plain", 1, remote=True, unique="one"))
            except DuplicateJob as error:
                lost.append(error.job_id)

    threads = [threading.Thread(target=enqueue) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(won) == 1
    assert lost == won * 5


def test_a_cancel_that_meets_a_retry_says_nothing_untrue(arena: Arena) -> None:
    situation = arena.prepare("failed")

    def meanwhile(name: str) -> None:
        if name == "cancel.done":  # it found a job that is over; now look why, and it is not over any more
            faults.arm(None)
            arena.first.retry(situation.job)

    faults.arm(meanwhile)
    try:
        arena.second.cancel(situation.job)
    finally:
        faults.arm(None)

    assert arena.first.get(situation.job).state == "cancelled", "not refused because it is pending, which is no reason"


def test_a_claim_that_began_after_a_queue_was_paused_takes_nothing_of_it(arena: Arena) -> None:
    situation = arena.prepare("pending")
    arena.second.pause_queue("default")
    try:
        assert _take(arena.first, TickHead(tick_id=situation.next_tick, trigger="test"), 1) == []
    finally:
        arena.second.resume_queue("default")
    assert _take(arena.first, TickHead(tick_id=situation.next_tick, trigger="test"), 1) == [situation.job]


@pytest.mark.parametrize("arena", ["sqlite"], indirect=True)
def test_a_lease_that_waited_for_the_write_lock_counts_from_the_write(arena: Arena) -> None:
    """Else a claim that waited for seconds would begin with a lease that is over."""
    situation = arena.prepare("running")
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with arena.first._core.database.link() as link, link.transaction():
            held.set()
            let_go.wait(20)
            link.query("UPDATE jobs SET meta = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)", {})

    holder = threading.Thread(target=hold)
    holder.start()
    renewing = threading.Thread(target=lambda: arena.second._core.do(lambda store: store.beat([situation.lease], 60.0)))
    assert held.wait(20)
    arena._begun.clear()
    renewing.start()
    assert arena._begun.wait(20)
    begun = time.monotonic()
    until(lambda: time.monotonic() > begun + 0.2, "the renewal waited")
    let_go.set()
    holder.join(20)
    renewing.join(20)

    assert arena.look.one("SELECT lease_until - CAST(meta AS INTEGER) FROM jobs") >= 60_000


def _running(arena: Arena, count: int) -> list[Lease]:
    arena.prepare("cancelled")
    arena.first.enqueue_many([NewJob("plain", n) for n in range(count)])
    head = TickHead(tick_id=TickId(new_id()), trigger="test")
    claimed = arena.first._core.do(lambda store: store.claim(head, wanted(count)).jobs)
    return sorted((job.lease for job in claimed), key=lambda lease: lease.job_id)


def _take(jobs: Tickover, head: TickHead, most: int) -> list[str]:
    claimed = jobs._core.do(lambda store: store.claim(head, wanted(most)).jobs)
    assert len(claimed) <= most
    return [job.id for job in claimed]


def _drained(arena: Arena) -> bool:
    return bool(arena.look.one("SELECT count(*) FROM jobs WHERE state = 'pending'") == 0)


def _waiting(arena: Arena) -> int:
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() "
        "AND application_name = 'tickover'"
    )
    return cast(int, arena.look.one(query))


def _plain(number: int) -> int:
    return number


_plain.__name__ = "plain"
