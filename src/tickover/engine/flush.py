"""Writes outcomes as one set, and finds out what became of a write whose answer never came."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tickover import faults
from tickover.domain.decide import Transition
from tickover.domain.ids import JobId, TickId
from tickover.domain.payload import safe_text
from tickover.domain.redact import redact
from tickover.errors import StorageUnavailable
from tickover.store.port import DataRefused, OutcomeUnknown, RolledBack, Store

_log: Final = logging.getLogger("tickover")
_TRIES: Final = 3


def flush(store: Store, transitions: Sequence[Transition], tick: TickId) -> dict[JobId, Transition]:
    """Applies a set of transitions; returns what is durable now, job by job.

    A job that is not among them was lost: somebody else holds it, and nothing of this run was kept. A row that the
    database refuses hurts only itself: what is durable then is a failure that says so.

    Raises:
        StorageUnavailable: the database stayed away; whatever was not confirmed is left to its lease.
    """
    if not transitions:
        return {}
    faults.hit("flush.before")
    try:
        written = _written(store, transitions, tick)
    except DataRefused as error:
        if len(transitions) == 1:
            return _written(store, [_refusal(transitions[0], error)], tick)
        half = len(transitions) // 2  # so that one bad row among a thousand costs ten more sets, and not a thousand
        written = flush(store, transitions[:half], tick) | flush(store, transitions[half:], tick)
    faults.hit("flush.after")
    return written


def _written(store: Store, transitions: Sequence[Transition], tick: TickId) -> dict[JobId, Transition]:
    accepted = settled(store, transitions, tick)
    return {t.lease.job_id: t for t in transitions if t.lease.job_id in accepted}


def settled(store: Store, transitions: Sequence[Transition], tick: TickId) -> set[JobId]:
    """One settle, sent until its outcome is known (rule 9)."""
    accepted: set[JobId] = set()
    left = list(transitions)
    doubtful = False  # whether an earlier send may still commit: a cut connection's server goes on for a moment
    for attempt in range(_TRIES):
        try:
            answered = set(store.settle(left, tick=tick))
            silent = [t for t in left if t.lease.job_id not in answered] if doubtful else []
            return accepted | answered | _landed(store, silent)
        except RolledBack as error:
            if attempt == _TRIES - 1:
                raise
            _log.warning("a flush was rolled back and is sent again: %s", error)
        except OutcomeUnknown as error:
            _log.warning("the connection broke during a flush: %s", error)
            doubtful = True
            reconnect(store)
            found = store.resolve([t.lease for t in left])
            accepted |= {job_id for job_id, place in found.items() if place == "landed"}
            left = [t for t in left if found[t.lease.job_id] == "held"]
            if not left:
                return accepted
    raise StorageUnavailable("the database broke off three times during one flush")


def _landed(store: Store, transitions: Sequence[Transition]) -> set[JobId]:
    """Of rows that a second send did not change: those that the first, cut one did (tests/model/lease.py found it)."""
    if not transitions:
        return set()
    found = store.resolve([t.lease for t in transitions])
    return {job_id for job_id, place in found.items() if place == "landed"}


def reconnect(store: Store) -> None:
    """Opens a new connection, in a bounded number of tries; raises `StorageUnavailable` when none works."""
    for attempt in range(_TRIES):
        try:
            store.reopen()
        except StorageUnavailable:
            if attempt == _TRIES - 1:
                raise
        else:
            return


def _refusal(transition: Transition, error: DataRefused) -> Transition:
    said, kind = safe_text(f"the outcome could not be stored: {redact(str(error))}"), "PayloadError"
    _log.error("job %s: %s", transition.lease.job_id, said, extra={"job_id": transition.lease.job_id})
    return replace(
        transition, state="failed", counter="failures", event="JobFailed", delay=None, result=None, error=said,
        error_kind=kind, data={"error": said, "error_kind": kind},
    )  # fmt: skip
