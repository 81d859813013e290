"""Admission: which of the jobs that were just claimed may run.

After the claim, in a transaction of its own, since caps are locked before jobs (4-data, rule 7): the claim has locked
its jobs. Nothing here happens for jobs without limits.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tickover import faults
from tickover.domain import admission
from tickover.domain.admission import Asked, CapFull, NotYet, Verdict
from tickover.domain.decide import Transition
from tickover.domain.ids import JobId, TickId
from tickover.domain.job import Claimed
from tickover.domain.limits import Cap, Rate, queue_key, stored_keys
from tickover.domain.park import Park
from tickover.engine.reconnect import reconnect
from tickover.engine.registry import Registry
from tickover.errors import StorageUnavailable
from tickover.store.port import Numbers, OutcomeUnknown, RolledBack, Store

_log: Final = logging.getLogger("tickover")
_TRIES: Final = 3


@dataclass(slots=True)
class Admission:
    """Who may run, and what became of the others; one that is in neither was lost meanwhile."""

    admitted: list[Claimed] = field(default_factory=list)
    denied: list[tuple[Claimed, Transition]] = field(default_factory=list)


def admit(store: Store, jobs: Sequence[Claimed], registry: Registry, tick: TickId) -> Admission:
    """Admits claimed jobs as far as their limits have room, in their order, and gives the others back unharmed.

    A job that a cap denies waits for a place; one that a rate denies sleeps until a window in which it has one.
    """
    asked = {job.id: _asked(job, registry) for job in jobs if job.cap_keys is not None or job.queue_capped}
    limited = [job for job in jobs if job.id in asked and (asked[job.id].caps or asked[job.id].rates)]
    limited.sort(key=lambda job: job.order)
    if not limited:
        return Admission(admitted=list(jobs))
    verdicts, moved = _until_known(store, limited, [asked[job.id] for job in limited], tick)
    made = Admission()
    for job in jobs:
        if job not in limited or isinstance(verdicts.get(job.id), admission.Admitted):
            made.admitted.append(job)
        elif job.id in moved:
            made.denied.append((job, moved[job.id]))
    return made


def _until_known(
    store: Store, jobs: Sequence[Claimed], asked: Sequence[Asked], tick: TickId
) -> tuple[dict[JobId, Verdict], dict[JobId, Transition]]:
    """One admission, again when it was rolled back or cut: places that were taken already are taken once."""
    moved: dict[JobId, Transition] = {}
    for attempt in range(_TRIES):
        try:
            return _once(store, jobs, asked, tick, moved)
        except RolledBack as error:
            if attempt == _TRIES - 1:
                raise
            _log.warning("an admission was rolled back and is done again: %s", error)
        except OutcomeUnknown as error:
            _log.warning("the connection broke during an admission: %s", error)
            reconnect(store)
    raise StorageUnavailable("the database broke off three times during one admission")


def _once(
    store: Store,
    jobs: Sequence[Claimed],
    asked: Sequence[Asked],
    tick: TickId,
    moved: dict[JobId, Transition],
) -> tuple[dict[JobId, Verdict], dict[JobId, Transition]]:
    """Lock the limits in key order, then the jobs; count in a later statement; take, give back, pass on."""
    numbers: dict[str, Numbers] = {}
    for one in asked:
        numbers |= {key: (None if cap is None else cap.most, None) for key, cap in one.caps}
        numbers |= {key: (rate.most, rate.per_ms) for key, rate in one.rates}
    leases = {job.id: job.lease for job in jobs}
    with store.transaction():
        store.lock_limits(numbers)
        faults.hit("admit.locked")
        held = store.hold(list(leases.values()))
        room = store.limit_room(numbers, list(leases))
        verdicts = admission.admit([one for one in asked if one.job_id in held], room)
        store.take_limits(verdicts, leases, room)
        denials = [_denial(job, verdicts[job.id]) for job in jobs if job.id in verdicts]
        given_back = [transition for transition in denials if transition is not None]
        store.settle(given_back, tick=tick)
        if given_back:  # a place that was kept for one of them on another cap is free
            store.pass_caps(key for key, (_, per_ms) in numbers.items() if per_ms is None)
    faults.hit("admit.after_commit")
    moved |= {transition.lease.job_id: transition for transition in given_back}
    return verdicts, moved


def _asked(job: Claimed, registry: Registry) -> Asked:
    """The limits of a job as this code has them; a name that it no longer knows limits nothing."""
    kind = registry.get(job.kind)
    limits = {(type(one), one.name): one for one in (kind.options.get("limits", ()) if kind is not None else ())}
    caps: list[tuple[str, Cap | None]] = [(queue_key(job.queue), None)] if job.queue_capped else []
    rates: list[tuple[str, Rate]] = []
    for name, key in stored_keys(job.cap_keys):
        if key.startswith("rate:"):
            rates += [(key, one) for one in (limits.get((Rate, name)),) if isinstance(one, Rate)]
        else:
            caps += [(key, one) for one in (limits.get((Cap, name)),) if isinstance(one, Cap)]
    return Asked(job_id=job.id, caps=tuple(caps), rates=tuple(rates))


def _denial(job: Claimed, verdict: Verdict) -> Transition | None:
    """The move of a job that was denied: unharmed, and it costs no attempt."""
    match verdict:
        case CapFull(key=key):
            return Transition(
                lease=job.lease, state="waiting", counter="released", event="JobWaiting",
                park=Park(kind="cap", ref=f"cap:{key}"), data={"reason": f"cap {key}"},
            )  # fmt: skip
        case NotYet(delay=delay, promised=promised):
            said = {"reason": f"{promised[0][0].replace(':', ' ', 1)}"}
            return Transition(
                lease=job.lease, state="pending", counter="released", event="JobYielded", delay=delay, data=said
            )
    return None
