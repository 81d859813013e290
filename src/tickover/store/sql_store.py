"""The verbs on SQL: rows to values and back. What differs between the dialects is in the `.sql` files and the links."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal

from tickover.domain.ids import JobId
from tickover.domain.retry import DEFAULT_BACKOFF, ExponentialBackoff
from tickover.errors import StorageUnavailable
from tickover.store.flow_store import FlowStore, fence, fences
from tickover.store.limit_rows import LimitRows
from tickover.store.link import Link, Row
from tickover.store.migrate import check_version
from tickover.store.open import Database
from tickover.store.port import ENDLESS, Claim, Due, Overdue, TickHead, Wanted, Whereabouts
from tickover.store.schedule_rows import ScheduleVerbs, utc
from tickover.store.seal import Codec
from tickover.store.settle_rows import parcel
from tickover.store.verbs import verb

if TYPE_CHECKING:
    from tickover.domain.decide import Transition
    from tickover.domain.ids import StepKey, TickId
    from tickover.domain.job import Claimed, Lease
    from tickover.domain.report import TickReport
    from tickover.store.lease_port import Beat, Settled

EventLog = Literal["all", "failures", "none"]
_BRIEF = (
    "completed",
    "failed",
    "retried",
    "yielded",
    "parked",
    "cancelled",
    "lost",
    "reaped",
    "released",
    "statements",
)


class SqlStore(FlowStore, ScheduleVerbs, LimitRows):
    """See `tickover.store.port.Store`. Not shared between threads."""

    def __init__(
        self, link: Link, *, log: EventLog = "all", source: Database | None = None, codec: Codec | None = None
    ) -> None:
        self.link = link
        self.codec = codec
        self.log: EventLog = log
        self._source = source

    @property
    def statements(self) -> int:
        return self.link.statements

    @property
    def deadline(self) -> float | None:
        return self.link.deadline

    @deadline.setter
    def deadline(self, value: float | None) -> None:
        self.link.deadline = value

    def call(self, name: str, /, **params: Any) -> list[Row]:
        return self.link.run(verb(self.link.dialect, name), params)

    def transaction(self) -> AbstractContextManager[None]:
        context: AbstractContextManager[None] = self.link.transaction()
        return context

    def reopen(self) -> None:
        if self._source is None:
            raise StorageUnavailable("the connection broke; it is the caller's, so only the caller can open another")
        deadline = self.link.deadline
        self.link = self._source.reopen(self.link)
        self.link.deadline = deadline

    def recover(self, tick: TickId, limit: int, serves: Sequence[str] | None = ()) -> Overdue:
        queues = None if serves is None else json.dumps(list(serves))
        ((expired, waiting, version, marked),) = self.call("recover", tick=tick, limit=limit, serves=queues)
        check_version(version)
        if marked:  # only SQLite says so: there an idle tick must not take the write lock
            self.call("unmark", queues=queues)
        return Overdue(leases=expired, waiters=waiting)

    def expired(self, tick: TickId | None, limit: int) -> list[Claimed]:
        found = []
        for *row, doing in self.call("expired", tick=tick, limit=limit):
            job = self.opened(claimed(tuple(row)))
            job.doing = doing
            found.append(job)
        return found

    def begins(self, lease: Lease, step: StepKey) -> None:
        self.call("begins", leases=fences([lease]), step=step)

    def enqueue(self, rows: Iterable[Mapping[str, Any]]) -> set[str]:
        """Writes rows of jobs, payloads sealed; returns the ids of those whose unique key was free."""
        sent = [{**row, "args": self.seal(row["id"], "args", row["args"])} if "args" in row else row for row in rows]
        return {str(row[0]) for row in self.call("enqueue", jobs=json.dumps(sent), log=self.log)}

    def claim(self, head: TickHead, wanted: Wanted) -> Claim:
        queues = None if wanted.queues is None else json.dumps(dict(wanted.queues))
        params = {
            "tick": head.tick_id,
            "n": wanted.size,
            "free": wanted.free,
            "alone": wanted.alone,
            "queues": queues,
            "turn": wanted.turn,
            "left_ms": int(wanted.window_left * 1000),
            "window_ms": int(wanted.window * 1000),
            "lease": wanted.lease,
            "log": self.log,
            "function": head.function,
            "trigger": head.trigger,
            "parent": head.parent,
            "cold": int(head.cold),
            "age": wanted.age,
            "left": wanted.left,
        }
        if self.link.dialect == "sqlite":
            # One look without the write lock first: most ticks of an idle system find nothing, and must not write.
            due = self.due(head.tick_id, wanted.queues, window=wanted.window, alone=wanted.alone)
            rows = self.call("claim", **params) if due.now and not due.paused else []
            jobs = [self.opened(claimed(row)) for row in rows]
            return Claim(jobs=jobs, due=due if not jobs else None, paused=due.paused)
        rows = self.call("claim", **params)
        jobs = [self.opened(claimed(row[3:])) for row in rows if row[3] is not None]
        due = _due(rows[0])
        return Claim(jobs=jobs, due=due if len(jobs) < wanted.size else None, paused=due.paused)

    def adopt(self, tick: TickId) -> list[Claimed]:
        return [self.opened(claimed(row)) for row in self.call("adopt", tick=tick)]

    def due(
        self, tick: TickId, queues: Mapping[str, int] | None, window: float = ENDLESS, *, alone: bool = True
    ) -> Due:
        names = None if queues is None else json.dumps(dict(queues))
        return _due(self.call("due", tick=tick, queues=names, window_ms=int(window * 1000), alone=alone)[0])

    def beat(self, leases: Sequence[Lease], lease: float) -> Beat:
        from tickover.store.lease_port import Beat

        rows = self.call("beat", leases=fences(leases), lease=lease)
        return Beat(
            held=frozenset(JobId(str(row[0])) for row in rows),
            pausing=frozenset(JobId(str(row[0])) for row in rows if row[1] is not None),
            fleet=rows[0][2] if rows else None,
        )

    def settle(
        self, transitions: Sequence[Transition], *, tick: TickId | None, reaping: bool = False
    ) -> dict[JobId, Settled]:
        if not transitions:
            return {}
        from tickover.store.lease_port import Settled

        rows = self.call(
            "settle",
            **parcel(self, transitions, self.link.dialect),
            tick=tick or NO_TICK,
            reaping=reaping,
            log=self.log,
        )
        return {JobId(str(row[0])): Settled(row[1], None if row[2] is None else utc(row[2])) for row in rows}

    def resolve(self, leases: Sequence[Lease]) -> dict[JobId, Whereabouts]:
        found = {str(row[0]): row for row in self.call("resolve", ids=json.dumps([lease.job_id for lease in leases]))}
        return {lease.job_id: _whereabouts(lease, found.get(lease.job_id)) for lease in leases}

    def progress(self, reports: Mapping[Lease, str]) -> None:
        rows = [{**fence(lease), "data": self.seal_progress(lease.job_id, text)} for lease, text in reports.items()]
        self.call("progress", reports=json.dumps(rows), log=self.log)

    def kind_seen(self, kind: str) -> bool:
        return bool(self.call("kind_seen", kind=kind)[0][0])

    def finish_tick(
        self,
        report: TickReport,
        *,
        kinds: Sequence[str],
        code_version: str,
        memory_mb: float | None,
        durations: str | None = None,
    ) -> None:
        self.call(
            "finish_tick",
            tick=report.tick_id,
            stopped_because=report.stopped_because,
            kinds=json.dumps(list(kinds)),
            code_version=code_version,
            memory_mb=memory_mb,
            durations=durations,
            cost=report.cost,
            **{name: getattr(report, name) for name in _BRIEF},
        )


NO_TICK = "00000000-0000-0000-0000-000000000000"


def claimed(row: Row) -> Claimed:
    """The value of a row with the columns `verbs.CLAIMED`."""
    (
        job_id, epoch, claim_id, kind, queue, tenant, priority, run_at, created_at, started_at, starts, failures, forgiven,
        crashes, yields, stalls, parks, released, crash_run, stall_run, deferrals, steps, generation, max_retries,
        max_crashes, timeout_ms, backoff, args, meta, unique_key, parent_id, root_id, fan_out_id, fan_out_index, determinism,
        trace_context, slot, cap_keys, queue_capped,
    ) = row  # fmt: skip
    from tickover.domain.job import Claimed, Lease

    return Claimed(
        lease=Lease(_text(job_id), epoch, _text(claim_id)),
        kind=kind, queue=queue, tenant=tenant, priority=priority, run_at=utc(run_at),
        created_at=utc(created_at), started_at=utc(started_at), starts=starts, failures=failures,
        forgiven=forgiven, crashes=crashes, yields=yields, stalls=stalls, parks=parks, released=released,
        crash_run=crash_run, stall_run=stall_run, deferrals=deferrals, steps=steps, generation=generation,
        max_retries=max_retries, max_crashes=max_crashes, timeout=None if timeout_ms is None else timeout_ms / 1000,
        backoff=read_backoff(backoff), args=args, meta=meta, unique_key=unique_key,
        parent_id=parent_id and _text(parent_id), root_id=root_id and _text(root_id),
        fan_out_id=fan_out_id and _text(fan_out_id), fan_out_index=fan_out_index, determinism=determinism,
        trace_context=trace_context, slot=None if slot is None else utc(slot),
        cap_keys=cap_keys, queue_capped=bool(queue_capped),
    )  # fmt: skip


def read_backoff(text: str | None) -> ExponentialBackoff:
    """The stored backoff, or the default; a row that somebody else wrote badly falls back to the default too."""
    if text is None:
        return DEFAULT_BACKOFF
    try:
        return ExponentialBackoff(*json.loads(text))
    except (ValueError, TypeError):
        return DEFAULT_BACKOFF


def write_backoff(backoff: ExponentialBackoff | None) -> str | None:
    """The stored form of a backoff; None for the default."""
    if backoff is None or backoff == DEFAULT_BACKOFF:
        return None
    return json.dumps([backoff.initial, backoff.factor, backoff.maximum, backoff.jitter])


#: Ids of every kind: rows have no types, and calling a NewType per column and job is what a tick would notice.
_text: Callable[[Any], Any] = str


def _due(row: Row) -> Due:
    paused, at, now = row[:3]
    return Due(at=None if at is None else utc(at).astimezone(UTC), now=bool(now), paused=paused)


def _whereabouts(lease: Lease, row: Row | None) -> Whereabouts:
    if row is None or row[2] != lease.epoch or str(row[3]) != lease.claim_id:
        return "cancelled" if row is not None and row[1:3] == ("cancelled", lease.epoch) else "lost"
    return "held" if row[1] == "running" else "landed"
