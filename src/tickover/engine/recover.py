"""Takes back jobs whose lease ran out: the first act of each tick, a little; the reaper's whole work."""

from __future__ import annotations

import random

from tickover import faults
from tickover.domain.decide import Transition, decide
from tickover.domain.ids import TickId
from tickover.domain.job import Claimed
from tickover.domain.outcome import Crashed
from tickover.store.port import Store


def recover(store: Store, tick: TickId, limit: int) -> list[tuple[Claimed, Transition]]:
    """Reaps at most `limit` expired leases; one read-only statement when there are none."""
    return reap(store, tick, limit) if store.recover(tick, max(1, limit)) and limit else []


def reap(store: Store, tick: TickId, limit: int) -> list[tuple[Claimed, Transition]]:
    """Gives back at most `limit` jobs whose lease ran out, in one transaction that holds their locks.

    Several reapers at once are harmless: each locks other rows. Returns the jobs with what was decided for them.
    """
    with store.transaction():
        jobs = store.expired(tick, limit)
        decided = [(job, decide(job, Crashed(), dice=random.random())) for job in jobs]  # noqa: S311  # jitter, not secrecy
        faults.hit("reap.after_select")
        accepted = store.settle([transition for _, transition in decided], tick=tick, reaping=True)
    faults.hit("reap.after_commit")
    return [(job, transition) for job, transition in decided if job.id in accepted]
