"""The verbs of workflows on SQL: checkpoints, parks and wakes, fan-outs, signals and callbacks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from tickover.clock import millis_up
from tickover.domain.ids import JobId, StepKey
from tickover.errors import PayloadError
from tickover.store.schedule_rows import utc
from tickover.store.seal import Seals

if TYPE_CHECKING:
    from tickover.domain.checkpoint import Checkpoint, Saved
    from tickover.domain.fanout import FanOutPlan, Slot, Status, Tally
    from tickover.domain.job import Claimed, Lease
    from tickover.domain.park import Park, WaitKind
    from tickover.domain.states import State
    from tickover.store.flow_port import CallbackView, Decided, FanOutView
    from tickover.store.link import Link, Row

_CHILDREN_AT_ONCE = 5000


class FlowStore(Seals):
    """The half of `tickover.store.port.Store` that only workflows need."""

    link: Link
    log: Literal["all", "failures", "none"]

    def call(self, name: str, /, **params: Any) -> list[Row]:
        """Runs a verb by name."""
        raise NotImplementedError  # abstract: SqlStore has it

    def enqueue(self, rows: Iterable[Mapping[str, Any]]) -> set[str]:
        """Writes rows of jobs."""
        raise NotImplementedError  # abstract: SqlStore has it

    def durations(self, kind: str) -> dict[str, str]:
        return {str(row[0]): str(row[1]) for row in self.call("durations", kind=kind)}

    def wake_due(self, limit: int) -> int:
        return len(self.call("wake_due", limit=limit, log=self.log))

    def recorded(self, jobs: Sequence[Claimed]) -> dict[JobId, list[tuple[int, Checkpoint]]]:
        found: dict[JobId, list[tuple[int, Checkpoint]]] = {job.id: [] for job in jobs}
        asked = json.dumps([{"id": job.id, "generation": job.generation} for job in jobs])
        by_id = {job.id: job for job in jobs}
        for job_id, seq, *row in self.call("checkpoints", jobs=asked):
            job = by_id[JobId(str(job_id))]
            try:
                found[job.id].append((seq, self._opened(job.id, row)))
            except PayloadError as unreadable:
                job.unreadable = str(unreadable)  # it fails its own run, and nothing else of its batch
        return found

    def _opened(self, owner: JobId, row: Sequence[Any]) -> Checkpoint:
        from tickover.domain.checkpoint import Checkpoint

        key, kind, value, error, args_hash = row
        value, error = (self.unseal(owner, f"checkpoint:{key}", text) for text in (value, error))
        return Checkpoint(key=StepKey(key), kind=kind, value=value, error=error, args_hash=args_hash)

    def record(self, saves: Sequence[Saved], *, lease: float) -> dict[tuple[JobId, StepKey], bool]:
        leases = {save.lease.job_id: save.lease for save in saves}
        rows = self.call(
            "record",
            leases=fences(leases.values()),
            checkpoints=json.dumps([self._checkpoint(save) for save in saves], ensure_ascii=False),
            lease=lease,
            log=self.log,
        )
        return {(JobId(str(row[0])), StepKey(row[1])): bool(row[2]) for row in rows}

    def hold(self, leases: Sequence[Lease]) -> set[JobId]:
        return {JobId(str(row[0])) for row in self.call("hold", leases=fences(leases))}

    def look(self, waits: Sequence[tuple[JobId, Park]]) -> set[JobId]:
        asked = [
            {"id": job_id, "generation": park.generation, "kind": park.kind, "ref": park.ref} for job_id, park in waits
        ]
        return {JobId(str(row[0])) for row in self.call("look", waits=json.dumps(asked))}

    def open_fan_out(self, plan: FanOutPlan) -> None:
        row = {
            "id": plan.id, "parent_id": plan.parent_id, "generation": plan.generation, "step_key": plan.key,
            "total": len(plan.children), "strategy": plan.strategy, "required": plan.required,
            "cancel_on_failure": int(plan.cancel_on_failure), "timeout": plan.timeout,
        }  # fmt: skip
        self.call("open_fan_out", fan_outs=json.dumps([row]))
        for start in range(0, len(plan.children), _CHILDREN_AT_ONCE):
            part = plan.children[start : start + _CHILDREN_AT_ONCE]
            self.enqueue(part)

    def count_children(self, ends: Mapping[str, Counter[State]]) -> list[tuple[Decided, Tally]]:
        asked = [
            {"id": fan_out, "done": n["completed"], "failed": n["failed"], "cancelled": n["cancelled"]}
            for fan_out, n in ends.items()
        ]
        return [_counted(row) for row in self.call("count_children", ends=json.dumps(asked)) if row[2] == "open"]

    def decide_fan_out(self, fan_out_id: str, status: Status) -> Decided | None:
        from tickover.store.flow_port import Decided

        for found, parent, cancels in self.call("decide_fan_out", id=fan_out_id, status=status):
            return Decided(fan_out_id=str(found), parent_id=JobId(str(parent)), status=status, cancels=bool(cancels))
        return None

    def lock(self, jobs: Iterable[JobId]) -> None:
        if ids := sorted(jobs):
            self.call("lock_jobs", ids=json.dumps(ids))

    def grab(self, jobs: Iterable[JobId]) -> set[JobId]:
        return {JobId(str(row[0])) for row in self.call("grab_jobs", ids=json.dumps(sorted(jobs)))}

    def wake(self, waits: Sequence[tuple[JobId, WaitKind, str]]) -> set[JobId]:
        asked = json.dumps([{"id": job_id, "kind": kind, "ref": ref} for job_id, kind, ref in waits])
        return {JobId(str(row[0])) for row in self.call("wake", waits=asked, log=self.log)}

    def fan_out(self, fan_out_id: str) -> FanOutView:
        from tickover.store.flow_port import FanOutView

        ((status, overdue, timeout_at),) = self.call("fan_out", id=fan_out_id)
        until = None if timeout_at is None else utc(timeout_at)
        return FanOutView(status=cast("Status", status), overdue=bool(overdue), timeout_at=until)

    def slots(self, fan_out_id: str) -> list[Slot]:
        from tickover.domain.fanout import Slot

        return [
            Slot(
                str(job_id),
                state,
                self.unseal(str(job_id), "result", result),
                None if error is None else f"{kind}: {self.shown(str(job_id), 'error', error)}",
            )
            for job_id, state, result, error, kind in self.call("slots", id=fan_out_id)
        ]

    def take_signals(self, job: Claimed, name: str, key: StepKey, limit: int) -> list[str | None]:
        by = f"{job.generation}:{key}"
        rows = sorted(self.call("take_signals", id=job.id, name=name, limit=limit, by=by), key=_first)
        return [self.unseal(job.id, f"signal:{name}", row[1]) for row in rows]

    def send_signal(self, job_id: JobId, name: str, message_id: str, text: str) -> bool:
        """Keeps a message for a job that is locked; False when one with this id came before."""
        sealed = self.seal(job_id, f"signal:{name}", text)
        return bool(self.call("send_signal", id=job_id, name=name, message=message_id, payload=sealed, log=self.log))

    def receive_callback(self, job_id: JobId, generation: int, key: StepKey, text: str) -> bool:
        """Keeps the one answer of a callback whose job is locked; False when one came before, or it has expired."""
        sealed = self.seal(job_id, f"callback:{key}", text)
        return bool(self.call("receive_callback", id=job_id, generation=generation, key=key, payload=sealed))

    def open_callback(
        self, job: Claimed, key: StepKey, *, key_id: str, returns: str | None, expires: datetime | None
    ) -> None:
        self.call(
            "open_callback",
            id=job.id,
            generation=job.generation,
            key=key,
            key_id=key_id,
            returns=returns,
            expires=None if expires is None else expires.isoformat(),
            expires_ms=None if expires is None else millis_up(expires),
        )

    def callback(self, job_id: JobId, generation: int, key: StepKey) -> CallbackView | None:
        from tickover.store.flow_port import CallbackView

        for received, payload, expired, returns in self.call("callback", id=job_id, generation=generation, key=key):
            answer = self.unseal(job_id, f"callback:{key}", payload)
            return CallbackView(received=bool(received), payload=answer, expired=bool(expired), returns=returns)
        return None

    def _checkpoint(self, save: Saved) -> dict[str, Any]:
        made, owner = save.checkpoint, save.lease.job_id
        row: dict[str, Any] = {"id": owner, "seq": save.seq, "key": made.key, "kind": made.kind}
        for name in ("value", "error"):
            if (text := getattr(made, name)) is not None:
                row[name] = self.seal(owner, f"checkpoint:{made.key}", text)
        for name in ("args_hash", "seconds", "drops"):
            if (value := getattr(made, name)) is not None:
                row[name] = value
        return row


def _first(row: Row) -> Any:
    return row[0]


def fence(lease: Lease) -> dict[str, Any]:
    """A lease as the verbs take it."""
    return {"id": lease.job_id, "epoch": lease.epoch, "claim_id": lease.claim_id}


def fences(leases: Iterable[Lease]) -> str:
    """A set of leases as the verbs take it."""
    return json.dumps([fence(lease) for lease in leases])


def _counted(row: Row) -> tuple[Decided, Tally]:
    from tickover.domain.fanout import Tally
    from tickover.store.flow_port import Decided

    found, parent, status, cancels, total, done, failed, cancelled, strategy, required = row
    tally = Tally(total=total, done=done, failed=failed, cancelled=cancelled, strategy=strategy, required=required)
    return Decided(
        fan_out_id=str(found), parent_id=JobId(str(parent)), status=cast("Status", status), cancels=bool(cancels)
    ), tally
