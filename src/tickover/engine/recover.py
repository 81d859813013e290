"""Takes back jobs whose lease ran out: the first act of each tick, a little; the reaper's whole work."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from tickover import faults
from tickover.engine.fan_in import Parents, ends, fan_in, parents_first
from tickover.engine.places import lock_caps, pass_on

if TYPE_CHECKING:
    from tickover.domain.decide import Transition
    from tickover.domain.ids import TickId
    from tickover.domain.job import Claimed
    from tickover.store.port import Store

_AT_ONCE: Final = 1000
_LOOKS: Final = 3


def recover(
    store: Store, tick: TickId, limit: int, serves: Sequence[str] | None = ()
) -> list[tuple[Claimed, Transition]]:
    """Wakes waiters whose time has come, and reaps at most `limit` expired leases; one statement when there are none.

    From here on an enqueue to the queues `serves` (None: to any) asks for a wake again: the claim that follows may be
    sent too early to see its job.
    """
    overdue = store.recover(tick, max(1, limit), serves)
    if overdue.waiters:
        wake_due(store)
    return reap(store, tick, limit) if overdue.leases and limit else []


def wake_due(store: Store) -> int:
    """Lets every waiter run again whose time has come, in bounded sets; returns how many."""
    woken = count = store.wake_due(_AT_ONCE)
    while count == _AT_ONCE:
        count = store.wake_due(_AT_ONCE)
        woken += count
    faults.hit("wake_due.after")
    return woken


def reap(store: Store, tick: TickId, limit: int) -> list[tuple[Claimed, Transition]]:
    """Gives back at most `limit` jobs whose lease ran out, in one transaction that holds their locks.

    Several reapers at once are harmless: each locks other rows. Returns the jobs with what was decided for them.
    """
    places: set[str] = set()
    for _ in range(_LOOKS):
        reaped, unlocked = parents_first(partial(_looked, store, tick, limit, places))
        if not unlocked:
            faults.hit("reap.after_commit")
            return reaped
        places |= unlocked  # caps are locked before jobs: what is expired is looked at again under these locks
    return []


def _looked(
    store: Store, tick: TickId, limit: int, places: set[str], parents: Parents
) -> tuple[list[tuple[Claimed, Transition]], set[str]]:
    """What was given back, or the caps that must be locked first."""
    with store.transaction():
        lock_caps(store, places)
        store.lock(parents)
        jobs = store.expired(tick, limit)  # those that nobody has locked: this waits for none
        unlocked = {key for job in jobs for key in job.places} - places
        return ([] if unlocked else _reap(store, jobs, tick, places, parents)), unlocked


def _reap(
    store: Store, jobs: list[Claimed], tick: TickId, places: set[str], parents: Parents
) -> list[tuple[Claimed, Transition]]:
    from tickover.domain.decide import decide
    from tickover.domain.outcome import Crashed

    decided = [(job, decide(job, Crashed(), dice=random.random())) for job in jobs]  # noqa: S311  # jitter, not secrecy
    faults.hit("reap.after_select")
    accepted = store.settle([transition for _, transition in decided], tick=tick, reaping=True)
    fan_in(store, ends((t.fan_out_id, t.state) for job, t in decided if job.id in accepted), parents)
    pass_on(store, places, accepted)
    return [(job, transition) for job, transition in decided if job.id in accepted]
