"""Cancels jobs with everything below them: downward, one level after the other, in transactions of their own.

A walk that dies half-way leaves live children of an ended parent, which the reaper finds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tickover import faults
from tickover.domain.ids import JobId
from tickover.domain.limits import places_of
from tickover.engine.fan_in import Parents, ends, fan_in, parents_first
from tickover.engine.places import lock_caps, pass_on
from tickover.errors import StorageUnavailable

if TYPE_CHECKING:
    from tickover.store.flow_port import Decided
    from tickover.store.port import Store

_AT_ONCE = 500
_LOOKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What one call cancelled."""

    #: Those that this call ended; and whether each has recorded steps, so that it may have children.
    ended: dict[JobId, bool]
    #: Fan-outs that these ends decided: their parents may run again.
    decided: list[Decided]


def cancel(store: Store, ids: Sequence[str], places: Iterable[str] = ()) -> Cancelled:
    """Ends those of these jobs that are not over, and counts them at their fan-outs, in one transaction.

    `places` are the caps that the jobs are known to hold a place of; others cost a second look.
    """
    places = set(places)
    for _ in range(_LOOKS):
        try:
            done = parents_first(partial(_cancelled, store, ids, places))
        except _UnlockedCapError as unlocked:  # rolled back: caps are locked before jobs
            places |= unlocked.keys
        else:
            faults.hit("cancel.done")
            return done
    raise StorageUnavailable("the caps of a set of jobs changed again and again while they were cancelled; try again")


def _cancelled(store: Store, ids: Sequence[str], places: set[str], parents: Parents) -> Cancelled:
    with store.transaction():
        lock_caps(store, places)
        store.lock(parents and parents.union(map(JobId, ids)))
        rows = store.call("cancel", ids=json.dumps(list(ids)), log=store.log)
        keys = {key for *_, cap_keys, capped_queue in rows for key in places_of(cap_keys, capped_queue)}
        if keys - places:
            raise _UnlockedCapError(keys - places)
        decided = fan_in(
            store, ends((fan_out_id and str(fan_out_id), state) for _, state, fan_out_id, *_ in rows), parents
        )
        done = {JobId(str(row[0])): row[3] > 0 for row in rows}
        pass_on(store, places, done)
    return Cancelled(ended=done, decided=decided)


class _UnlockedCapError(Exception):
    """Undoes a cancel whose jobs have caps that are not locked."""

    def __init__(self, keys: set[str]) -> None:
        super().__init__(", ".join(keys))
        self.keys = keys


def cancel_tree(
    store: Store, *, parents: Sequence[str] = (), fan_outs: Sequence[str] = (), rounds: int = 1_000_000
) -> int:
    """Cancels the live descendants of jobs, and the live children of fan-outs with theirs; returns how many.

    Args:
        store: where they are.
        parents: jobs that are over.
        fan_outs: fan-outs that are decided.
        rounds: sets of 500 at most; what is left then is the reaper's.
    """
    above, count = list(parents), 0
    below: list[str] = []
    for _ in range(rounds):
        found = store.call(
            "live_children", parents=json.dumps(above), fan_outs=json.dumps(list(fan_outs)), limit=_AT_ONCE
        )
        if found:
            below += (ids := [str(row[0]) for row in found])
            count += len(cancel(store, ids).ended)
        elif below:
            above, below, fan_outs = below, [], ()
        else:
            return count
    return count
