"""Runs of claimed jobs, with what earlier runs recorded."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tickover.engine.reconnect import reconnect
from tickover.engine.run import Run
from tickover.store.port import OutcomeUnknown, RolledBack

if TYPE_CHECKING:
    from tickover.domain.checkpoint import Checkpoint
    from tickover.domain.ids import JobId, TickId
    from tickover.domain.job import Claimed
    from tickover.engine.registry import Registry
    from tickover.store.port import Store

_log: Final = logging.getLogger("tickover")


def recall(
    store: Store, jobs: Sequence[Claimed], registry: Registry, tick: TickId | str, *, claimed_at: float
) -> list[Run]:
    """The runs of these jobs. What is recorded is read now, and not with the claim: a checkpoint that was committed
    just before it was missed there (rule 1). Jobs without steps cost no statement.
    """
    known = _recorded(store, [job for job in jobs if job.steps])
    return [
        Run(job, registry.get(job.kind), str(tick), claimed_at=claimed_at, recorded=known.get(job.id, ()))
        for job in jobs
    ]


def _recorded(store: Store, jobs: list[Claimed]) -> dict[JobId, list[tuple[int, Checkpoint]]]:
    if not jobs:
        return {}
    try:
        return store.recorded(jobs)
    except (OutcomeUnknown, RolledBack) as error:
        _log.warning("reading checkpoints broke off and is done again: %s", error)
        reconnect(store)
        return store.recorded(jobs)
