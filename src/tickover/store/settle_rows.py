"""How a set of transitions travels to the verb `settle`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from tickover.clock import millis_up

if TYPE_CHECKING:
    from tickover.domain.decide import Transition
    from tickover.store.seal import Seals
    from tickover.store.verbs import Dialect

_LOUD: Final = frozenset({"JobFailed", "JobRetrying", "JobReclaimed"})


def parcel(seals: Seals, transitions: Sequence[Transition], dialect: Dialect) -> dict[str, str]:
    """The parameters of `settle` that say what is to be written.

    To PostgreSQL completions go as arrays and the rest as JSON, since it reads two thousand of them from arrays in a sixth
    of the time; to SQLite everything goes as JSON.
    """
    if dialect == "sqlite":
        return {"transitions": json.dumps([_row(seals, t) for t in transitions])}
    plain = [t for t in transitions if t.event == "JobCompleted"]
    return {
        "ids": _array(t.lease.job_id for t in plain),
        "epochs": _array(str(t.lease.epoch) for t in plain),
        "claim_ids": _array(t.lease.claim_id for t in plain),
        "seconds": _array("NULL" if t.seconds is None else f"{t.seconds:.6f}" for t in plain),
        "results": _array(_quoted(seals.seal(t.lease.job_id, "result", t.result)) for t in plain),
        "transitions": json.dumps([_row(seals, t) for t in transitions if t.event != "JobCompleted"]),
    }


def _array(elements: Iterable[str]) -> str:
    """An array as PostgreSQL reads it. psycopg writes the same in five times the time, element by element."""
    return "{" + ",".join(elements) + "}"


def _quoted(text: str | None) -> str:
    if text is None:
        return "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _row(seals: Seals, t: Transition) -> dict[str, Any]:
    """Sparse: what is absent is a plain completion."""
    job = t.lease.job_id
    row: dict[str, Any] = {"id": job, "epoch": t.lease.epoch, "claim_id": t.lease.claim_id}
    if t.seconds is not None:
        row["seconds"] = int(t.seconds * 1e6) / 1e6  # round() takes five times as long
    if t.result is not None:
        row["result"] = seals.seal(job, "result", t.result)
    if t.event == "JobCompleted":
        return row
    row |= {"state": t.state, "counter": t.counter, "event": t.event, "loud": t.event in _LOUD}
    row["data"] = json.dumps(seals.seal_event(job, t.data))
    if t.error is not None:
        row["error"] = seals.seal(job, "error", t.error)
    if t.park is not None:
        row |= {"wait_kind": t.park.kind, "wait_ref": t.park.ref}
        if t.park.until is not None:
            row |= {"until": t.park.until.isoformat(), "until_ms": millis_up(t.park.until)}
    if t.resume:
        row["resume"] = True
    for name in ("delay", "error_kind", "crash_run", "stall_run", "need_ms", "deferrals"):
        if (value := getattr(t, name)) is not None:
            row[name] = value
    return row
