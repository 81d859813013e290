"""Mends fan-outs: what a tick that died half-way left, and what must never be, which raises an alarm."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from tickover import faults
from tickover.domain.fanout import Tally, decide_fan_out
from tickover.domain.ids import JobId
from tickover.domain.report import TickReport
from tickover.engine.cancel import cancel_tree
from tickover.engine.fan_in import Parents, parents_first, settle_fan_outs, time_out
from tickover.store.port import RolledBack, Store

_log: Final = logging.getLogger("tickover.reaper")
_AT_ONCE: Final = 100
_FIRST: Final = "00000000-0000-0000-0000-000000000000"


def mend_fan_outs(store: Store, report: TickReport, *, left: Callable[[], bool]) -> bool:
    """Ends fan-outs whose time is over, corrects counters, wakes parents and cancels children that nobody collects.

    Each by itself: one that is rolled back stops no other, and is done again by the next run. Returns whether there
    was time for everything.
    """
    done = True
    for mend in (_time_out, _recount, _wake_parents, _cancel_left):
        try:
            done = mend(store, report, left) and done
        except RolledBack as error:
            _log.warning("mending fan-outs was rolled back: %s", error)
            done = False
    return done


def _time_out(store: Store, report: TickReport, left: Callable[[], bool]) -> bool:
    """A fan-out whose time is over gets that verdict, and its parent wakes; nothing unusual."""
    found = _AT_ONCE
    while found == _AT_ONCE and left():
        ids = [str(row[0]) for row in store.call("fan_outs_over", limit=_AT_ONCE)]
        for fan_out_id in ids:
            report.mended += time_out(store, fan_out_id)
            faults.hit("mend.timed_out")
        found = len(ids)
    return found < _AT_ONCE


def _recount(store: Store, report: TickReport, left: Callable[[], bool]) -> bool:
    """Counters are written with what they count, so a wrong one is a defect's trace: it is corrected, loudly."""
    after, found = _FIRST, _AT_ONCE
    while found == _AT_ONCE and left():
        rows = store.call("recount", after=after, limit=_AT_ONCE)
        for fan_out_id, differs in rows:
            if differs and parents_first(partial(_repaired, store, str(fan_out_id))):
                report.mended += 1
                _log.error(
                    "fan-out %s had counters that its children have not: corrected; please report it", fan_out_id
                )
            after = str(fan_out_id)
        found = len(rows)
    return found < _AT_ONCE


def _repaired(store: Store, fan_out_id: str, parents: Parents) -> bool:
    with store.transaction():
        store.lock(parents)
        for total, done, failed, cancelled, strategy, required in store.call("repair_fan_out", id=fan_out_id):
            tally = Tally(
                total=total, done=done, failed=failed, cancelled=cancelled, strategy=strategy, required=required
            )
            if (verdict := decide_fan_out(tally)) != "open":
                settle_fan_outs(store, [(fan_out_id, verdict)], parents)
            return True
    return False


def _wake_parents(store: Store, report: TickReport, left: Callable[[], bool]) -> bool:
    """A parent that waits for a verdict that is there: it runs again. As with counters, that must never be."""
    found = _AT_ONCE
    while found == _AT_ONCE and left():
        rows = [(JobId(str(parent)), str(fan_out)) for parent, fan_out in store.call("waiting_parents", limit=_AT_ONCE)]
        with store.transaction():
            store.lock({parent for parent, _ in rows})
            woken = store.wake(sorted((parent, "fan_out", fan_out) for parent, fan_out in rows))
        for parent in woken:
            report.mended += 1
            _log.error("job %s waited for a fan-out that was decided: it runs again; please report it", parent)
        found = len(rows) if woken else 0
    return found < _AT_ONCE


def _cancel_left(store: Store, report: TickReport, left: Callable[[], bool]) -> bool:
    """Live children whose parent is over, or began anew: whoever cancelled their tree died on the way down."""
    found = _AT_ONCE
    while found == _AT_ONCE and left():
        ids = [str(row[0]) for row in store.call("left_children", limit=_AT_ONCE)]
        if ids:
            report.cancelled += cancel_tree(store, fan_outs=ids)
        found = len(ids)
    return found < _AT_ONCE
