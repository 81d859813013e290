"""The guards can fail: each identity, broken on purpose, is named; each move outside the diagram is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.support import guards
from tests.support.states import ALL, brought_to
from tests.support.world import World, claim, settle
from tickover.domain.outcome import Completed
from tickover.domain.states import TRANSITIONS

#: What the constraints ask of a row in that state, so that it is the trigger that refuses.
FITS = {
    "running": {"lease_until": "created_at"}, "paused": {"paused_from": "kind"}, "waiting": {"wait_kind": "kind"},
    **{state: {"finished_at": "created_at"} for state in ("completed", "failed", "cancelled")},
}  # fmt: skip
BROKEN = {
    "starts is the sum of the counters": "UPDATE jobs SET failures = failures + 1",
    "the epoch counts the claims": "UPDATE jobs SET epoch = epoch + 1",
    "a job that runs has a lease, a holder and a claim": "UPDATE jobs SET holder = NULL",
    "each job has its payload row": "DELETE FROM job_data",
    "no verb tried a move": f"UPDATE job_data SET error = '{guards.REFUSED}'",
    "events of a job are numbered 1 to n without gaps": "DELETE FROM events WHERE n = 1",
    "a job knows how many events it has": "UPDATE jobs SET event_seq = event_seq + 1",
    "each claim is told once": """
        INSERT INTO events (job_id, n, at, type, epoch)
        SELECT job_id, 9, at, type, epoch FROM events WHERE type = 'JobStarted'""",
    "each start is told": "DELETE FROM events WHERE type = 'JobStarted'",
    "a unique key has one live job": "UPDATE jobs SET unique_key = 'k', tenant = ''",
}


class Undo(Exception):
    """Ends a transaction that only looked."""


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    """In place of the one that checks at the end."""
    with ExitStack() as stack:
        yield World(migrated_url, stack)


def test_a_move_that_is_not_in_the_diagram_is_refused(world: World) -> None:
    allowed = {str(old): set(new) for old, new in TRANSITIONS.items()}
    none = dict.fromkeys(("finished_at", "lease_until", "paused_from", "wait_kind"), "NULL")
    refused = 0
    for old in sorted(ALL, key="pending".__eq__):  # last: another one's claim would take it
        job_id = brought_to(world, old)
        for new in set(ALL) - {old} - allowed[old]:
            listed = ", ".join(f"{name} = {value}" for name, value in {**none, **FITS.get(new, {})}.items())
            with pytest.raises(Exception, match=guards.REFUSED):
                world.raw.rows(f"UPDATE jobs SET state = '{new}', {listed} WHERE id = :id", id=job_id)
            refused += 1

    assert refused == 7 * 6 - sum(map(len, allowed.values()))


def test_an_identity_that_does_not_hold_is_named(world: World) -> None:
    world.running()
    world.running()
    assert guards.violations(world.raw) == []

    for promise, sql in BROKEN.items():
        with suppress(Undo), world.raw.transaction():
            world.raw.rows("DROP INDEX jobs_unique_key")
            world.raw.rows(sql)
            told = guards.violations(world.raw)
            assert [one for one in told if one.startswith(promise)], (promise, told)
            raise Undo


def test_an_end_that_is_not_told_is_named(world: World) -> None:
    store, job = world.running()
    settle(store, job, Completed(None))
    world.raw.rows("UPDATE events SET type = 'Progress' WHERE type = 'JobCompleted'")

    (told,) = guards.violations(world.raw)

    assert told.startswith("the last event of a job that is over is its end")
    assert not claim(store, 1).jobs
