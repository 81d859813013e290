"""Writes checkpoints and outcomes as one set, and finds out what became of a write whose answer never came."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from tickover import faults
from tickover.domain.payload import safe_text
from tickover.domain.states import TERMINAL
from tickover.engine.fan_in import Parents, ends, fan_in, parents_first
from tickover.engine.places import lock_caps, pass_on
from tickover.engine.reconnect import reconnect
from tickover.errors import StorageUnavailable
from tickover.store.port import DataRefused, OutcomeUnknown, RolledBack

if TYPE_CHECKING:
    from tickover.domain.checkpoint import Saved
    from tickover.domain.decide import Transition
    from tickover.domain.ids import JobId, StepKey, TickId
    from tickover.store.flow_port import Decided
    from tickover.store.port import Store

_log: Final = logging.getLogger("tickover")
_TRIES: Final = 3


@dataclass(slots=True)
class Flushed:
    """What is durable now."""

    #: Job by job the transition that was written; a job that is not here was lost, and nothing of this run was kept.
    moved: dict[JobId, Transition] = field(default_factory=dict)
    #: Checkpoint by checkpoint whether it stands as sent, or another value stood there first; missing: the job is lost.
    saved: dict[tuple[JobId, StepKey], bool] = field(default_factory=dict)
    #: Jobs whose checkpoint the database would not take.
    refused: dict[JobId, DataRefused] = field(default_factory=dict)
    #: Fan-outs that these ends decided.
    decided: list[Decided] = field(default_factory=list)
    #: Jobs that waited for a place of a cap, and may run now.
    woken: int = 0

    def add(self, other: Flushed) -> None:
        self.moved |= other.moved
        self.saved |= other.saved
        self.refused |= other.refused
        self.decided += other.decided
        self.woken += other.woken


def flush(
    store: Store, transitions: Sequence[Transition], saves: Sequence[Saved] = (), *, tick: TickId, lease: float
) -> Flushed:
    """Applies a set of transitions and checkpoints; returns what is durable now.

    A row that the database refuses hurts only itself: a transition then becomes a failure that says so.

    Raises:
        StorageUnavailable: the database stayed away; whatever was not confirmed is left to its lease.
    """
    if not transitions and not saves:
        return Flushed()
    faults.hit("flush.before")
    try:
        flushed = _until_known(store, transitions, saves, tick=tick, lease=lease)
    except DataRefused as error:
        flushed = _apart(store, transitions, saves, error, tick=tick, lease=lease)
    faults.hit("flush.after")
    return flushed


def _apart(
    store: Store,
    transitions: Sequence[Transition],
    saves: Sequence[Saved],
    error: DataRefused,
    *,
    tick: TickId,
    lease: float,
) -> Flushed:
    """The two halves of a set that was refused, so that one bad row among a thousand costs ten more sets."""
    jobs = sorted({t.lease.job_id for t in transitions} | {s.lease.job_id for s in saves})
    if len(jobs) == 1:
        if saves:
            flushed = Flushed(refused={jobs[0]: error})
            flushed.add(flush(store, transitions, tick=tick, lease=lease))  # it may have ended without waiting for it
            return flushed
        return flush(store, [_refusal(transitions[0], error)], tick=tick, lease=lease)
    flushed, first = Flushed(), set(jobs[: len(jobs) // 2])
    for half in (True, False):
        moves = [t for t in transitions if (t.lease.job_id in first) is half]
        kept = [s for s in saves if (s.lease.job_id in first) is half]
        flushed.add(flush(store, moves, kept, tick=tick, lease=lease))
    return flushed


def _until_known(
    store: Store, transitions: Sequence[Transition], saves: Sequence[Saved], *, tick: TickId, lease: float
) -> Flushed:
    """One set, sent until its outcome is known (rule 9). Checkpoints may be sent twice: what stands there stays."""
    flushed, left = Flushed(), list(transitions)
    doubtful = False  # whether an earlier send may still commit: a cut connection's server goes on for a moment
    for attempt in range(_TRIES):
        try:
            once = _once(store, left, saves, tick=tick, lease=lease)
        except RolledBack as error:
            if attempt == _TRIES - 1:
                raise
            _log.warning("a flush was rolled back and is sent again: %s", error)
        except OutcomeUnknown as error:
            _log.warning("the connection broke during a flush: %s", error)
            doubtful = True
            reconnect(store)
            found = store.resolve([t.lease for t in left]) if left else {}
            flushed.moved |= {t.lease.job_id: t for t in left if found[t.lease.job_id] == "landed"}
            left = [t for t in left if found[t.lease.job_id] == "held"]
            if not left and not saves:
                return flushed
        else:
            flushed.add(once)
            if doubtful:
                flushed.moved |= _landed(store, [t for t in left if t.lease.job_id not in once.moved])
            return flushed
    raise StorageUnavailable("the database broke off three times during one flush")


def _once(
    store: Store, transitions: Sequence[Transition], saves: Sequence[Saved], *, tick: TickId, lease: float
) -> Flushed:
    """One set, once."""
    if any(_needs_phases(t) for t in transitions):
        return parents_first(partial(_in_phases, store, transitions, saves, tick=tick, lease=lease))
    # A checkpoint and a plain end are one statement each, which locks and fences by itself; most sets are these. No
    # transaction around the two: they are of different jobs.
    flushed = Flushed()
    if saves:
        flushed.saved = store.record(saves, lease=lease)
    if transitions:
        accepted = store.settle(transitions, tick=tick)
        flushed.moved = {t.lease.job_id: t for t in transitions if t.lease.job_id in accepted}
    return flushed


def _in_phases(
    store: Store,
    transitions: Sequence[Transition],
    saves: Sequence[Saved],
    parents: Parents,
    *,
    tick: TickId,
    lease: float,
) -> Flushed:
    """One transaction in fixed phases: lock, record, look, settle, count the children, wake their parents (rule 3), and
    whoever waits for a place that is free now.
    """
    flushed = Flushed()
    places = {key for t in transitions for key in t.places}
    leases = {s.lease for s in saves} | {t.lease for t in transitions}
    with store.transaction():
        lock_caps(store, places)
        store.lock(parents and parents.union(one.job_id for one in leases))
        held = store.hold(sorted(leases, key=_job_id))
        moves = [t for t in transitions if t.lease.job_id in held]
        kept = [s for s in (*saves, *(c for t in moves for c in t.checkpoints)) if s.lease.job_id in held]
        if kept:
            flushed.saved = store.record(kept, lease=lease)
        moves = _parked(store, moves)
        accepted = store.settle(moves, tick=tick)
        flushed.moved = {t.lease.job_id: t for t in moves if t.lease.job_id in accepted}
        flushed.decided = fan_in(store, ends((t.fan_out_id, t.state) for t in flushed.moved.values()), parents)
        flushed.woken = pass_on(store, places, flushed.moved)
    return flushed


def _needs_phases(transition: Transition) -> bool:
    return (
        transition.park is not None
        or bool(transition.checkpoints)
        or bool(transition.places)
        or (transition.fan_out_id is not None and transition.state in TERMINAL)
    )


def _parked(store: Store, moves: list[Transition]) -> list[Transition]:
    """Parks, after a look under the lock: what a job is about to wait for may have come while it unwound."""
    waits = [(t.lease.job_id, t.park) for t in moves if t.park is not None and t.park.creates is None]
    there = store.look(waits) if waits else set()
    for transition in moves:
        if transition.park is not None and transition.park.creates is not None:
            store.open_fan_out(transition.park.creates)
            faults.hit("fan_out.created")
    return [_at_once(t) if t.lease.job_id in there else t for t in moves]


def _at_once(transition: Transition) -> Transition:
    """A park whose reason is gone: the job goes on as soon as a tick has a slot for it."""
    said = {"reason": f"{transition.data['reason']}: there already"}
    return replace(transition, state="pending", event="JobYielded", park=None, resume=True, data=said)


def _landed(store: Store, transitions: Sequence[Transition]) -> dict[JobId, Transition]:
    """Of rows that a second send did not change: those that the first, cut one did (tests/model/lease.py found it)."""
    if not transitions:
        return {}
    found = store.resolve([t.lease for t in transitions])
    return {t.lease.job_id: t for t in transitions if found[t.lease.job_id] == "landed"}


def _job_id(lease: object) -> str:
    return str(getattr(lease, "job_id", ""))


def _refusal(transition: Transition, error: DataRefused) -> Transition:
    from tickover.domain.redact import redact

    said, kind = safe_text(f"the outcome could not be stored: {redact(str(error))}"), "PayloadError"
    _log.error("job %s: %s", transition.lease.job_id, said, extra={"job_id": transition.lease.job_id})
    return replace(
        transition, state="failed", counter="failures", event="JobFailed", delay=None, result=None, error=said,
        error_kind=kind, data={"error": said, "error_kind": kind}, park=None, checkpoints=(),
    )  # fmt: skip
