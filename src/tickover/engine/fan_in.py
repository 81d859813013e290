"""Counts children that ended, decides their fan-outs, and wakes the parents: the only way a fan-out comes to its end.

Locks have one order: caps, then jobs by id, then fan-outs by id. Parents are jobs and come to light behind the fan-outs,
so nobody waits for one there: what cannot be had at once undoes the transaction, which begins again with them (0028).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from tickover import faults
from tickover.domain.ids import JobId
from tickover.domain.states import TERMINAL, State
from tickover.store.port import RolledBack

if TYPE_CHECKING:
    from tickover.domain.fanout import Status
    from tickover.store.flow_port import Decided
    from tickover.store.port import Store

T = TypeVar("T")
Parents = frozenset[JobId]


class ParentHeld(RolledBack):
    """Undoes a transaction that wants to wake a parent which somebody else has locked."""

    def __init__(self, parents: Iterable[JobId]) -> None:
        super().__init__("the parent of a fan-out is locked by another transaction")
        self.parents = frozenset(parents)


def parents_first(work: Callable[[Parents], T]) -> T:
    """Does one transaction, `work(parents)`, which locks these parents with its jobs: none at first, since most ends
    decide nothing and most parents are free; where one was not, those of all its fan-outs, the second time.
    """
    try:
        return work(frozenset())
    except ParentHeld as held:
        return work(held.parents)


def ends(ended: Iterable[tuple[str | None, State]]) -> dict[str, Counter[State]]:
    """Of (fan-out, new state) of jobs: how many children of each fan-out ended, and how."""
    counted: dict[str, Counter[State]] = {}
    for fan_out_id, state in ended:
        if fan_out_id is not None and state in TERMINAL:
            counted.setdefault(fan_out_id, Counter())[state] += 1
    return counted


def fan_in(store: Store, ended: Mapping[str, Counter[State]], parents: Parents) -> list[Decided]:
    """Adds ended children to their fan-outs, in the transaction that ended them; returns those it decided.

    The children are locked already, with these parents. A fan-out that is decided already touches no parent, so a
    parent that runs again is never waited for.

    Raises:
        ParentHeld: see `parents_first`.
    """
    if not ended:
        return []
    from tickover.domain.fanout import decide_fan_out

    counts = store.count_children(ended)
    faults.hit("fan_in.counted")
    verdicts = [(one.fan_out_id, verdict) for one, tally in counts if (verdict := decide_fan_out(tally)) != "open"]
    return settle_fan_outs(store, verdicts, parents, besides={one.parent_id for one, _ in counts})


def settle_fan_outs(
    store: Store, verdicts: Iterable[tuple[str, Status]], parents: Parents, *, besides: Iterable[JobId] = ()
) -> list[Decided]:
    """Gives fan-outs their verdicts and wakes their parents, in the open transaction, which has locked `parents`.

    Raises:
        ParentHeld: with their parents and those `besides`; see `parents_first`.
    """
    found = [store.decide_fan_out(fan_out_id, verdict) for fan_out_id, verdict in sorted(verdicts)]
    decided = [one for one in found if one is not None]
    faults.hit("fan_in.decided")
    wanted = {one.parent_id for one in decided}
    free = wanted - parents
    if free and free - store.grab(free):
        raise ParentHeld(wanted.union(besides))
    if decided:
        store.wake(sorted((one.parent_id, "fan_out", one.fan_out_id) for one in decided))
    return decided


def time_out(store: Store, fan_out_id: str) -> bool:
    """Gives a fan-out whose time is over that verdict, in a transaction of its own; whether it had none."""

    def once(parents: Parents) -> bool:
        with store.transaction():
            store.lock(parents)
            return bool(settle_fan_outs(store, [(fan_out_id, "timed_out")], parents))

    return parents_first(once)
