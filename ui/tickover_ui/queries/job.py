"""One job: where it stands, its runs over the ticks, its steps, events and data. However long it lived, it is as much to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select

from tickover import Tickover
from tickover.domain.job_view import Job
from tickover.domain.payload import decode
from tickover.errors import PayloadError
from tickover.store import reads
from tickover.store.flow_tables import fan_outs
from tickover.store.sql_store import SqlStore
from tickover.store.tables import checkpoints, events, from_stored, jobs, stored_instant
from tickover_ui.queries.ticks import ENDS, Tick, by_ids
from tickover_ui.reading import now, read, rows

#: Steps that are read from each end, and failures among the others.
EDGE: Final = 200
_FAILURES: Final = 50
EVENTS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A step as the lists show it."""

    key: str
    kind: str
    seq: int
    at: datetime
    seconds: float | None
    tick: str | None
    failed: bool
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event of the job."""

    seq: int
    at: datetime
    type: str
    attempt: int | None
    tick: str | None
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one tick did of it."""

    tick: str
    start: datetime
    end: datetime | None
    outcome: str
    #: Why it did not go on at once: a reason of a wait, an error.
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fan:
    """A fan-out in a word."""

    step_key: str
    total: int
    over: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the page shows."""

    now: datetime
    job: Job
    max_retries: int
    forgiven: int
    timeout: float | None
    code_version: str | None
    holder: str | None
    lease_until: datetime | None
    epoch: int
    slot: datetime | None
    recorded: int
    steps: list[Mark]
    events: list[Happened]
    more_events: bool
    runs: list[Run]
    ticks: dict[str, Tick]
    fans: dict[str, Fan] = field(default_factory=dict)
    children: int = 0
    chosen: Mark | None = None
    value: Any = None
    error: str | None = None

    @property
    def state(self) -> str:
        """Its state as people say it."""
        job = self.job
        if job.state != "pending":
            return job.state
        return "retrying" if job.failures > self.forgiven else "scheduled" if job.run_at > self.now else "pending"

    @property
    def hidden(self) -> int:
        """Steps between those that are listed."""
        return max(0, self.recorded - len(self.steps))

    @property
    def ran(self) -> float:
        """Seconds that runs took, as far as events of them are kept."""
        return sum(((run.end or self.now) - run.start).total_seconds() for run in self.runs)


def read_job(app: Tickover, job_id: str, step: str) -> Seen:
    """Reads the page; raises `JobNotFound`."""

    def work(store: SqlStore) -> Seen:
        at = now(app, store)
        job = reads.get(store, job_id, alone=True)
        more = rows(store, select(*_MORE).where(jobs.c.id == job.id))[0]
        marks = _steps(store, job)
        happened = _events(store, job.id)
        runs = _runs(happened[:EVENTS][::-1])
        fans = {
            key: Fan(step_key=key, total=total, over=done + failed + cancelled, failed=failed)
            for key, total, done, failed, cancelled in rows(
                store, _FANS.where(fan_outs.c.parent_id == job.id).limit(EDGE)
            )
        }
        chosen = next((mark for mark in marks if mark.key == step), None) or (marks[-1] if marks else None)
        value, error = _value(store, job, chosen) if chosen else (None, None)
        return Seen(
            now=at, job=job, max_retries=more[0], forgiven=more[1], timeout=more[2] and more[2] / 1000, code_version=more[3] or None,
            holder=more[4] and str(more[4]), lease_until=from_stored(more[5]), epoch=more[6], slot=from_stored(more[7]), recorded=more[8],
            steps=marks, events=happened[:EVENTS], more_events=len(happened) > EVENTS, runs=runs,
            ticks=by_ids(store, sorted({run.tick for run in runs})), fans=fans, children=sum(fan.total for fan in fans.values()),
            chosen=chosen, value=value, error=error,
        )  # fmt: skip

    return read(app, work)


_MORE: Final = (
    jobs.c.max_retries, jobs.c.forgiven, jobs.c.timeout_ms, jobs.c.code_version, jobs.c.holder, jobs.c.lease_until, jobs.c.epoch, jobs.c.slot,
    jobs.c.steps,
)  # fmt: skip
_FANS: Final = select(
    fan_outs.c.step_key, fan_outs.c.total, fan_outs.c.done, fan_outs.c.failed, fan_outs.c.cancelled
).order_by(fan_outs.c.id)
_MARK: Final = (
    checkpoints.c.step_key, checkpoints.c.kind, checkpoints.c.seq, checkpoints.c.created_at, checkpoints.c.seconds, checkpoints.c.tick_id,
    checkpoints.c.error.is_not(None), func.coalesce(func.length(checkpoints.c.value), 0),
)  # fmt: skip


def _steps(store: SqlStore, job: Job) -> list[Mark]:
    """The first and the last, and failures of all."""
    mine = select(*_MARK).where(checkpoints.c.job_id == job.id, checkpoints.c.generation == job.generation)
    first = rows(store, mine.order_by(checkpoints.c.seq).limit(EDGE))
    last = rows(store, mine.order_by(checkpoints.c.seq.desc()).limit(EDGE))
    failed = rows(store, mine.where(checkpoints.c.error.is_not(None)).order_by(checkpoints.c.seq).limit(_FAILURES))
    found = {
        key: Mark(
            key=key,
            kind=kind,
            seq=seq,
            at=stored_instant(at),
            seconds=took,
            tick=tick and str(tick),
            failed=bool(bad),
            size=size,
        )
        for key, kind, seq, at, took, tick, bad, size in (*first, *failed, *last)
    }
    return sorted(found.values(), key=lambda mark: mark.seq)


def _value(store: SqlStore, job: Job, mark: Mark) -> tuple[Any, str | None]:
    """What a step recorded: (value, error), opened."""
    query = select(checkpoints.c.value, checkpoints.c.error).where(
        checkpoints.c.job_id == job.id, checkpoints.c.generation == job.generation, checkpoints.c.step_key == mark.key
    )
    value, error = rows(store, query)[0]
    told = _readable(store.shown(job.id, f"checkpoint:{mark.key}", error))
    return _readable(store.shown(job.id, f"checkpoint:{mark.key}", value)), f"{told[0]}: {told[1]}" if isinstance(
        told, list
    ) else told


def _readable(text: str | None) -> Any:
    try:
        return None if text is None else decode(text)
    except PayloadError:
        return text


def _events(store: SqlStore, job_id: str) -> list[Happened]:
    """The latest, newest first, and one more where there are more."""
    columns = (events.c.seq, events.c.at, events.c.type, events.c.attempt, events.c.tick_id, events.c.data)
    query = select(*columns).where(events.c.job_id == job_id).order_by(events.c.seq.desc()).limit(EVENTS + 1)
    made = []
    for seq, at, type_, attempt, tick, data in rows(store, query):
        said = store.open_event(job_id, json.loads(data)) if data else {}
        text = next((str(said[name]) for name in ("error", "reason", "name", "step") if said.get(name)), "")
        made.append(
            Happened(
                seq=seq, at=stored_instant(at), type=type_, attempt=attempt, tick=tick and str(tick), said=text[:300]
            )
        )
    return made


def _runs(happened: Sequence[Happened]) -> list[Run]:
    """Each start with the end that follows it; oldest first."""
    made: list[Run] = []
    begun: Happened | None = None
    for event in happened:
        if event.type == "JobStarted":
            begun = event
        elif begun is not None and begun.tick and event.type in ENDS:
            made.append(Run(tick=begun.tick, start=begun.at, end=event.at, outcome=event.type, said=event.said))
            begun = None
    if begun is not None and begun.tick:
        made.append(Run(tick=begun.tick, start=begun.at, end=None, outcome="", said=""))
    return made
