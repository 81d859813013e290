"""Counts children that ended, decides their fan-outs, and wakes the parents: the only way a fan-out comes to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tickover import faults
from tickover.domain.fanout import Status, decide_fan_out
from tickover.domain.states import TERMINAL, State
from tickover.store.port import Decided, Store


def ends(ended: Iterable[tuple[str | None, State]]) -> dict[str, Counter[State]]:
    """Of (fan-out, new state) of jobs: how many children of each fan-out ended, and how."""
    counted: dict[str, Counter[State]] = {}
    for fan_out_id, state in ended:
        if fan_out_id is not None and state in TERMINAL:
            counted.setdefault(fan_out_id, Counter())[state] += 1
    return counted


def fan_in(store: Store, ended: Mapping[str, Counter[State]]) -> list[Decided]:
    """Adds ended children to their fan-outs, in the transaction that ended them; returns those it decided.

    Locks go upward only: the children are locked already, then the fan-outs in id order, then the parents in id order.
    A fan-out that is decided already touches no parent, so a parent that runs again is never waited for.
    """
    if not ended:
        return []
    verdicts = [(counted, decide_fan_out(tally)) for counted, tally in store.count_children(ended)]
    faults.hit("fan_in.counted")
    return settle_fan_outs(store, [(counted.fan_out_id, verdict) for counted, verdict in verdicts if verdict != "open"])


def settle_fan_outs(store: Store, verdicts: Iterable[tuple[str, Status]]) -> list[Decided]:
    """Gives fan-outs their verdicts and wakes their parents, in the open transaction."""
    found = [store.decide_fan_out(fan_out_id, verdict) for fan_out_id, verdict in sorted(verdicts)]
    decided = [one for one in found if one is not None]
    faults.hit("fan_in.decided")
    store.wake(sorted((one.parent_id, "fan_out", one.fan_out_id) for one in decided))
    return decided
