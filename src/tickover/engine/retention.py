"""What is kept, and for how long: removes old rows in bounded batches by primary key, never in a tick."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tickover.engine.fold import fold_durations
from tickover.store.port import RolledBack, Store

_log: Final = logging.getLogger("tickover.reaper")
#: Rows of one batch: short transactions, so that a claim hardly waits for one.
_BATCH: Final = 500
#: Ids behind this one are all of them.
_FIRST: Final = "00000000-0000-0000-0000-000000000000"
#: The tables that are pruned by one verb each, in the order in which `litter` tells of them.
_PRUNED: Final = (
    "idempotency",
    "callbacks",
    "generations",
    "events",
    "ticks",
    "tick_stats",
    "fires",
    "durations",
    "audit",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Seconds for which things are kept after they ended or happened."""

    completed: float
    #: Failed and cancelled jobs; and what schedules fired.
    failed: float
    events: float
    audit: float

    @property
    def ticks(self) -> float:
        """Ticks and their roll-ups: as long as the jobs that they ran, or the events."""
        return max(self.completed, self.events)


def remove_old(store: Store, retention: Retention, removed: dict[str, int], *, left: Callable[[], bool]) -> bool:
    """Removes what is kept for no longer; each table by itself, so that trouble with one stops no other.

    Args:
        store: where it is.
        retention: how long things are kept.
        removed: counts rows by table.
        left: whether there is time for another batch.

    Returns:
        Whether everything is done.
    """
    ages: dict[str, Any] = {
        "events": retention.events,
        "ticks": retention.ticks,
        "fires": retention.failed,
        "audit": retention.audit,
    }
    ((*found, news),) = store.call("litter", **ages)
    done = fold_durations(store, left=left) if news else True  # before their ticks go
    done = _jobs(store, retention, removed, left) and done
    for table, some in zip(_PRUNED, found, strict=True):
        done = (not some or _prune(store, table, ages, removed, left)) and done
    return done


def _jobs(store: Store, retention: Retention, removed: dict[str, int], left: Callable[[], bool]) -> bool:
    """Walks the jobs that may be old enough by primary key, and deletes those that are."""
    ages: dict[str, Any] = {"completed": retention.completed, "failed": retention.failed}
    after, count = _FIRST, _BATCH
    while count == _BATCH and left():
        ((count, last, old),) = store.call("stretch", after=after, limit=_BATCH, **ages)
        if old:
            gone = _tried("jobs", partial(store.call, "retain", after=after, last=str(last), **ages))
            if gone is None:
                return False
            _count(removed, "jobs", gone)
        after = str(last)
    return count < _BATCH


def _prune(store: Store, table: str, ages: dict[str, Any], removed: dict[str, int], left: Callable[[], bool]) -> bool:
    gone: int | None = _BATCH
    while gone == _BATCH and left():
        gone = _tried(table, partial(store.call, f"prune_{table}", limit=_BATCH, **ages))
        if gone:
            _count(removed, table, gone)
    return gone is not None and gone < _BATCH


def _count(removed: dict[str, int], table: str, gone: int) -> None:
    if gone:
        removed[table] = removed.get(table, 0) + gone


def _tried(table: str, batch: Callable[[], list[tuple[Any, ...]]]) -> int | None:
    """How many rows a batch removed; None when it was rolled back, and is left to the next run."""
    try:
        return len(batch())
    except RolledBack as error:
        _log.warning("removing old rows of %s was rolled back: %s", table, error)
        return None
