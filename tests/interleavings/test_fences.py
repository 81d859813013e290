"""What a lease is worth after somebody else came by: each part of the fence is enough to refuse a stale write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.interleavings.arena import Arena, head, settle, wanted
from tickover.domain.ids import ClaimId, Epoch, TickId, new_id
from tickover.domain.job import Lease
from tickover.engine.recover import reap
from tickover.store.sql_store import SqlStore

STALE = {
    "of an older epoch": lambda lease: replace(lease, epoch=Epoch(lease.epoch - 1)),
    "of an epoch that a restore handed out twice": lambda lease: replace(lease, claim_id=ClaimId(new_id())),
}


@pytest.mark.parametrize("how", ["completed", "given back"])
@pytest.mark.parametrize("which", STALE)
def test_a_settle_is_refused_to_a_lease(arena: Arena, which: str, how: str) -> None:
    situation = arena.prepare("running")
    before = arena.end(situation)

    assert _on(arena, lambda store: settle(store, STALE[which](situation.lease), how)) == "lost"

    assert arena.end(situation) == before


@pytest.mark.parametrize("which", STALE)
def test_a_beat_is_refused_to_a_lease(arena: Arena, which: str) -> None:
    situation = arena.prepare("expired")

    assert not arena.first._core.do(lambda store: store.beat([STALE[which](situation.lease)], 60.0)).held

    assert _on(arena, lambda store: str(len(reap(store, TickId(new_id()), 9)))) == "1", "it was not renewed"


@pytest.mark.parametrize("which", STALE)
def test_progress_is_refused_to_a_lease(arena: Arena, which: str) -> None:
    situation = arena.prepare("running")

    arena.first._core.do(lambda store: store.progress({STALE[which](situation.lease): "[0.5,null]"}))

    assert arena.look.rows("SELECT progress FROM job_data") == [(None,)]
    assert len(arena.look.rows("SELECT seq FROM events WHERE type = 'Progress'")) == 0


@pytest.mark.parametrize("how", ["completed", "given back"])
def test_the_same_settle_is_accepted_once(arena: Arena, how: str) -> None:
    situation = arena.prepare("running")
    first = _on(arena, lambda store: settle(store, situation.lease, how))
    after = arena.end(situation)

    assert first in ("completed", "pending")
    assert _on(arena, lambda store: settle(store, situation.lease, how)) == "lost"
    assert arena.end(situation) == after


@pytest.mark.parametrize("taken", ["by the reaper", "by a cancel"])
def test_a_write_that_came_too_late_is_never_taken_for_one_that_landed(arena: Arena, taken: str) -> None:
    situation = arena.prepare("expired")
    if taken == "by a cancel":
        arena.second.cancel(situation.job)
    else:
        arena.second._core.do(lambda store: reap(store, TickId(new_id()), 9))

    assert _resolved(arena, situation.lease) == ("cancelled" if taken == "by a cancel" else "lost")


def test_a_write_that_landed_is_known_even_after_its_answer_was_cut(arena: Arena) -> None:
    situation = arena.prepare("running")
    assert _resolved(arena, situation.lease) == "held"

    _on(arena, lambda store: settle(store, situation.lease, "given back"))
    assert _resolved(arena, situation.lease) == "landed"

    arena.first._core.do(lambda store: store.claim(head(situation), wanted()))
    assert _resolved(arena, situation.lease) == "lost", "the next holder's fence says nothing about us"


def test_a_live_lease_is_never_reaped(arena: Arena) -> None:
    live = arena.prepare("running")
    arena.first.enqueue("plain", 2)
    arena.first._core.do(lambda store: store.claim(head(live), wanted()))
    arena.look.rows(f"UPDATE jobs SET lease_until = created_at WHERE id <> '{live.job}'")

    assert _on(arena, lambda store: str(len(reap(store, TickId(new_id()), 9)))) == "1"

    assert arena.look.rows(f"SELECT state FROM jobs WHERE id = '{live.job}'") == [("running",)]


def test_a_thawed_tick_does_not_reap_itself(arena: Arena) -> None:
    situation = arena.prepare("expired")

    assert arena.first._core.do(lambda store: store.recover(situation.holder, 9).leases) == 0
    assert arena.first._core.do(lambda store: reap(store, situation.holder, 9)) == []


def _on(arena: Arena, work: object) -> str:
    assert callable(work)
    return str(arena.first._core.do(work))


def _resolved(arena: Arena, lease: Lease) -> str:
    def ask(store: SqlStore) -> str:
        return store.resolve([lease])[lease.job_id]

    return arena.first._core.do(ask)
