"""Workflows: those that wait or fan out, and one of them as a tree with its steps, its fan-outs and their children."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, literal, select

from tickover import Tickover
from tickover.domain.ids import parse_id
from tickover.errors import JobNotFound
from tickover.store.flow_tables import fan_outs
from tickover.store.sql_store import SqlStore
from tickover.store.tables import checkpoints, from_stored, job_data, jobs, stored_instant
from tickover_ui.reading import is_state, now, read, rows

_OPEN: Final = 40
_NEWEST: Final = 30
_SHOWN: Final = 40
_STEPS: Final = 200
MOST_CHILDREN: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """One fan-out with its counters."""

    id: str
    parent_id: str
    step_key: str
    total: int
    done: int
    failed: int
    cancelled: int
    strategy: str
    required: int
    status: str
    timeout_at: datetime | None
    created_at: datetime
    decided_at: datetime | None

    @property
    def over(self) -> int:
        return self.done + self.failed + self.cancelled

    @property
    def allowed(self) -> int | None:
        """How many children may fail before the fan-out has; None where it waits for all of them, however they end."""
        return None if self.strategy == "collect_all" else self.total - self.required

    @property
    def parts(self) -> list[tuple[float, str]]:
        """Its counters as shares of a bar."""
        total = max(1, self.total)
        return [(self.done / total, "f-ok"), (self.failed / total, "f-fail"), (self.cancelled / total, "f-off")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A workflow in the list."""

    id: str
    kind: str
    state: str
    queue: str
    created_at: datetime
    finished_at: datetime | None
    wait_kind: str | None
    wait_ref: str | None
    retrying: bool
    steps: int
    tenant: str
    generation: int
    fans: list[FanOut] = field(default_factory=list)

    @property
    def shown_state(self) -> str:
        return "retrying" if self.retrying else self.state

    def until(self, at: datetime) -> datetime:
        return self.finished_at or at


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A step that was recorded."""

    key: str
    kind: str
    at: datetime
    seconds: float | None
    error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A child of a fan-out."""

    id: str
    index: int
    kind: str
    state: str
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def seconds(self) -> float | None:
        return (self.finished_at - self.started_at).total_seconds() if self.started_at and self.finished_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflows:
    """What the page shows."""

    now: datetime
    roots: list[Root]
    chosen: Root | None
    steps: list[StepRow] = field(default_factory=list)
    fan: FanOut | None = None
    children: list[Child] = field(default_factory=list)
    child: Child | None = None
    error: str | None = None
    error_kind: str | None = None

    @property
    def by_state(self) -> Counter[str]:
        """Children of the chosen fan-out by state."""
        return Counter(child.state for child in self.children)


def workflows(app: Tickover, job_id: str | None, fan: str, child: str) -> Workflows:
    """Reads the page; raises `JobNotFound`."""
    wanted = parse_id(job_id) if job_id else None

    def work(store: SqlStore) -> Workflows:
        at = now(app, store)
        roots = _roots(store)
        chosen_id = wanted or (roots[0].id if roots else None)
        chosen = next((root for root in roots if root.id == chosen_id), None)
        if chosen_id and chosen is None:
            chosen = next(iter(_load(store, [chosen_id]).values()), None)
            if chosen is None:
                raise JobNotFound(f"No job has the id {chosen_id}.")
        if chosen is None:
            return Workflows(now=at, roots=roots, chosen=None)
        fans = _fans(store, fan_outs.c.parent_id == chosen.id, _STEPS)
        chosen.fans[:] = [one for one in fans if one.created_at >= chosen.created_at][::-1]
        one = (
            next((each for each in chosen.fans if each.step_key == fan), None)
            or next((each for each in chosen.fans if each.status == "open"), None)
            or (chosen.fans[-1] if chosen.fans else None)
        )
        children = _children(store, one) if one else []
        picked = next((each for each in children if each.id == child), None) or next(
            (each for each in children if each.state == "failed"), None
        )
        error, kind = _error(store, picked) if picked and picked.state in ("failed", "retrying") else (None, None)
        return Workflows(
            now=at,
            roots=roots,
            chosen=chosen,
            steps=_steps(store, chosen),
            fan=one,
            children=children,
            child=picked,
            error=error,
            error_kind=kind,
        )

    return read(app, work)


_FAN: Final = (
    fan_outs.c.id, fan_outs.c.parent_id, fan_outs.c.step_key, fan_outs.c.total, fan_outs.c.done, fan_outs.c.failed, fan_outs.c.cancelled,
    fan_outs.c.strategy, fan_outs.c.required, fan_outs.c.status, fan_outs.c.timeout_at, fan_outs.c.created_at, fan_outs.c.decided_at,
)  # fmt: skip
_ROOT: Final = (
    jobs.c.id, jobs.c.kind, jobs.c.state, jobs.c.queue, jobs.c.created_at, jobs.c.finished_at, jobs.c.wait_kind, jobs.c.wait_ref,
    jobs.c.failures, jobs.c.forgiven, jobs.c.steps, jobs.c.tenant, jobs.c.generation,
)  # fmt: skip


def _roots(store: SqlStore) -> list[Root]:
    """Workflows whose fan-outs are open, those that wait for a time, and those that fanned out last; newest first."""
    still = _fans(store, fan_outs.c.status == literal("open", literal_execute=True), _OPEN)
    newest = _fans(store, None, _NEWEST)
    asleep = (
        select(jobs.c.id)
        .where(is_state("waiting"), jobs.c.run_at.is_not(None), jobs.c.fan_out_id.is_(None))
        .order_by(jobs.c.run_at)
        .limit(_NEWEST)
    )
    fans = {one.id: one for one in (*still, *newest)}
    ids = {one.parent_id for one in fans.values()} | {str(row[0]) for row in rows(store, asleep)}
    found = _load(store, sorted(ids))
    for one in sorted(fans.values(), key=lambda each: each.created_at):
        if one.parent_id in found:
            found[one.parent_id].fans.append(one)
    live = ("running", "waiting", "pending", "paused")
    return sorted(found.values(), key=lambda root: (root.state not in live, -root.created_at.timestamp()))[:_SHOWN]


def _fans(store: SqlStore, where: Any, most: int) -> list[FanOut]:
    """Fan-outs, newest first: their ids begin with their time."""
    query: Select[Any] = select(*_FAN).order_by(fan_outs.c.id.desc()).limit(most)
    query = query if where is None else query.where(where)
    names = [column.name for column in _FAN]
    made = []
    for row in rows(store, query):
        values = dict(zip(names, row, strict=True))
        values |= {name: from_stored(values[name]) for name in ("timeout_at", "created_at", "decided_at")}
        values |= {"id": str(values["id"]), "parent_id": str(values["parent_id"])}
        made.append(FanOut(**values))
    return made


def _load(store: SqlStore, ids: Sequence[str]) -> dict[str, Root]:
    """Jobs as workflows, by id."""
    found = {}
    for row in rows(store, select(*_ROOT).where(jobs.c.id.in_(ids))) if ids else []:
        (
            id_,
            kind,
            state,
            queue,
            created,
            finished,
            wait_kind,
            wait_ref,
            failures,
            forgiven,
            steps,
            tenant,
            generation,
        ) = row
        found[str(id_)] = Root(
            id=str(id_), kind=kind, state=state, queue=queue, created_at=stored_instant(created), finished_at=from_stored(finished),
            wait_kind=wait_kind, wait_ref=wait_ref, retrying=state == "pending" and failures > forgiven, steps=steps, tenant=tenant, generation=generation,
        )  # fmt: skip
    return found


def _steps(store: SqlStore, root: Root) -> list[StepRow]:
    columns = (
        checkpoints.c.step_key,
        checkpoints.c.kind,
        checkpoints.c.created_at,
        checkpoints.c.seconds,
        checkpoints.c.error.is_not(None),
    )
    query = (
        select(*columns)
        .where(checkpoints.c.job_id == root.id, checkpoints.c.generation == root.generation)
        .order_by(checkpoints.c.seq)
        .limit(_STEPS)
    )
    return [
        StepRow(key=key, kind=kind, at=stored_instant(at), seconds=took, error=bool(error))
        for key, kind, at, took, error in rows(store, query)
    ]


def _children(store: SqlStore, fan: FanOut) -> list[Child]:
    columns = (
        jobs.c.id,
        jobs.c.fan_out_index,
        jobs.c.kind,
        jobs.c.state,
        jobs.c.started_at,
        jobs.c.finished_at,
        jobs.c.failures,
        jobs.c.forgiven,
    )
    query = select(*columns).where(jobs.c.fan_out_id == fan.id).order_by(jobs.c.fan_out_index).limit(MOST_CHILDREN)
    return [
        Child(
            id=str(id_), index=index, kind=kind, state="retrying" if state == "pending" and failures > forgiven else state,
            started_at=from_stored(started), finished_at=from_stored(finished),
        )
        for id_, index, kind, state, started, finished, failures, forgiven in rows(store, query)
    ]  # fmt: skip


def _error(store: SqlStore, child: Child) -> tuple[str | None, str | None]:
    found = rows(store, select(job_data.c.error, job_data.c.error_kind).where(job_data.c.job_id == child.id))
    return (store.shown(child.id, "error", found[0][0]), found[0][1]) if found else (None, None)
