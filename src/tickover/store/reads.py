"""What people look at: one job, lists of jobs. SQLAlchemy Core builds the statements, our own links send them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import dialect as psycopg_dialect
from sqlalchemy.engine import Dialect as AlchemyDialect

from tickover.clock import Clock, millis
from tickover.domain.ids import first_id, parse_id
from tickover.domain.job_view import Job, Page, Step
from tickover.domain.payload import decode, encode
from tickover.domain.states import STATES, TERMINAL
from tickover.errors import InvalidArgument, JobNotFound, PayloadError
from tickover.store.limit_tables import caps
from tickover.store.link import Link, Row
from tickover.store.sql_store import SqlStore
from tickover.store.tables import checkpoints, from_stored, job_data, jobs, stored_instant

MOST_ROWS: Final = 1000
_JOB: Final = (
    jobs.c.id, jobs.c.kind, jobs.c.queue, jobs.c.state, jobs.c.tenant, jobs.c.priority, jobs.c.starts, jobs.c.completed,
    jobs.c.failures, jobs.c.crashes, jobs.c.yields, jobs.c.stalls, jobs.c.parks, jobs.c.released, jobs.c.aborts,
    jobs.c.created_at, jobs.c.run_at, jobs.c.started_at, jobs.c.finished_at, jobs.c.wait_kind, jobs.c.wait_ref,
    jobs.c.parent_id, jobs.c.root_id, jobs.c.fan_out_index, jobs.c.unique_key, jobs.c.meta, jobs.c.generation,
    job_data.c.args, job_data.c.result, job_data.c.error, job_data.c.error_kind, job_data.c.progress,
)  # fmt: skip
_NAMES: Final = tuple(column.name for column in _JOB)
_INSTANTS: Final = ("created_at", "run_at", "started_at", "finished_at")


def send(link: Link, statement: Select[*tuple[Any, ...]]) -> list[Row]:
    """Runs a Core select on one of our links."""
    compiled = statement.compile(dialect=_dialect(link.dialect), compile_kwargs={"render_postcompile": True})
    params = {name: _bound(link, value) for name, value in compiled.params.items()}
    return link.query(str(compiled), params)


@cache
def _dialect(name: str) -> AlchemyDialect:
    return psycopg_dialect() if name == "postgresql" else sqlite.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy's own constructor has no annotations


def _bound(link: Link, value: Any) -> Any:
    return millis(value) if isinstance(value, datetime) and link.dialect == "sqlite" else value


def now(link: Link, clock: Clock) -> datetime:
    """The database's time: on SQLite that is our clock."""
    return clock.now() if link.dialect == "sqlite" else link.query("SELECT statement_timestamp()", {})[0][0]


def get(store: SqlStore, job_id: str, *, alone: bool = False) -> Job:
    """One job, with its steps and children unless `alone`; raises `JobNotFound`."""
    job_id, link = parse_id(job_id), store.link
    rows = send(link, _with_data().where(jobs.c.id == job_id))
    if not rows:
        raise JobNotFound(f"No job has the id {job_id}.")
    job = _job(store, rows[0])
    if alone:
        return job
    children = send(link, select(jobs.c.id).where(jobs.c.parent_id == job_id).order_by(jobs.c.fan_out_index, jobs.c.id))
    recorded = send(
        link,
        select(*_STEP)
        .where(checkpoints.c.job_id == job_id, checkpoints.c.generation == job.generation)
        .order_by(checkpoints.c.seq),
    )
    object.__setattr__(job, "children", [str(row[0]) for row in children])
    object.__setattr__(job, "steps", [_step(store, job.id, row) for row in recorded])
    return job


def find(store: SqlStore, *, limit: int = 50, cursor: str | None = None, **filters: Any) -> Page[Job]:
    """A page of jobs, newest first; `next_cursor` goes on behind it."""
    if not 1 <= limit <= MOST_ROWS:
        raise InvalidArgument(f"limit= takes 1 to {MOST_ROWS}, not {limit!r}.")
    conditions = _conditions(store, filters)
    statement = _with_data().where(*conditions).order_by(jobs.c.id.desc()).limit(limit + 1)
    if cursor is not None:
        statement = statement.where(jobs.c.id < parse_id(cursor))
    found = [_job(store, row) for row in send(store.link, statement)]
    return Page(found[:limit], next_cursor=found[limit - 1].id if len(found) > limit else None)


def find_ids(store: SqlStore, *, limit: int, cursor: str | None, **filters: Any) -> list[str]:
    """Ids that match, oldest first, behind `cursor`."""
    statement = (
        select(jobs.c.id).select_from(_JOINED).where(*_conditions(store, filters)).order_by(jobs.c.id).limit(limit)
    )
    if cursor is not None:
        statement = statement.where(jobs.c.id > parse_id(cursor))
    return [str(row[0]) for row in send(store.link, statement)]


def count(store: SqlStore, *, most: int, **filters: Any) -> int:
    """How many match; it stops at `most`."""
    found = select(literal(1)).select_from(_JOINED).where(*_conditions(store, filters)).limit(most).subquery()
    return int(send(store.link, select(func.count()).select_from(found))[0][0])


def state_of(link: Link, job_id: str) -> tuple[str | None, bool]:
    """The state of a job (None: no such job), and whether a pause of its run was asked for."""
    rows = send(link, select(jobs.c.state, jobs.c.pause_requested_at).where(jobs.c.id == job_id))
    return (rows[0][0], rows[0][1] is not None) if rows else (None, False)


def ended(store: SqlStore, job_id: str) -> tuple[str, str | None, str | None, str | None]:
    """(state, result, error, error kind) of a job, opened; raises `JobNotFound`, or `PayloadError` for the result."""
    job_id = parse_id(job_id)
    columns = (jobs.c.state, job_data.c.result, job_data.c.error, job_data.c.error_kind)
    rows = send(store.link, select(*columns).select_from(_JOINED).where(jobs.c.id == job_id))
    if not rows:
        raise JobNotFound(f"No job has the id {job_id}.")
    state, result, error, kind = rows[0]
    return state, store.unseal(job_id, "result", result), store.shown(job_id, "error", error), kind


def key_holder(link: Link, job_id: str) -> str | None:
    """The unfinished job that holds the unique key of this one."""
    mine = jobs.alias("mine")
    rows = send(
        link,
        select(jobs.c.id)
        .join(mine, and_(mine.c.tenant == jobs.c.tenant, mine.c.unique_key == jobs.c.unique_key))
        .where(mine.c.id == job_id, jobs.c.state.notin_(TERMINAL)),
    )
    return str(rows[0][0]) if rows else None


def caps_of(link: Link, job_id: str) -> tuple[str | None, str | None]:
    """(stored keys of a job's limits, its queue if that has a limit), as `cancel` returns them."""
    capped = exists(select(literal(1)).where(caps.c.key == literal("queue:") + jobs.c.queue))
    rows = send(link, select(jobs.c.cap_keys, jobs.c.queue, capped).where(jobs.c.id == job_id))
    return (rows[0][0], rows[0][1] if rows[0][2] else None) if rows else (None, None)


_JOINED: Final = jobs.outerjoin(job_data, job_data.c.job_id == jobs.c.id)
#: SQLite does not see by itself that what was cancelled is in the index of what has failed or was cancelled.
IS_DEAD: Final[ColumnElement[bool]] = literal_column("jobs.state IN ('failed', 'cancelled')", Boolean)
_STEP: Final = (
    checkpoints.c.step_key, checkpoints.c.kind, checkpoints.c.value, checkpoints.c.error, checkpoints.c.seq,
    checkpoints.c.created_at, checkpoints.c.seconds, checkpoints.c.tick_id,
)  # fmt: skip


def _with_data() -> Select[Any]:
    return select(*_JOB).select_from(_JOINED)


_FILTERS: Final[Mapping[str, Callable[[Any], ColumnElement[bool]]]] = {
    "state": lambda value: _state(str(value)),
    "kind": lambda value: jobs.c.kind == value,
    "queue": lambda value: jobs.c.queue == value,
    "tenant": lambda value: jobs.c.tenant == value,
    "unique": lambda value: jobs.c.unique_key == value,
    "parent": lambda value: jobs.c.parent_id == parse_id(value),
    "but_kind": lambda value: jobs.c.kind != value,
    "states": jobs.c.state.in_,
    "ended_before": lambda value: jobs.c.finished_at <= value,
    "ids": lambda value: jobs.c.id.in_([parse_id(one) for one in value]),
    # An id begins with the time at which it was made.
    "since": lambda value: jobs.c.id >= first_id(value),
    "before": lambda value: jobs.c.id < first_id(value),
}


def _conditions(store: SqlStore, filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """The WHERE of a list; refuses filters it does not know instead of ignoring them."""
    conditions: list[ColumnElement[bool]] = [true()]
    for name, value in filters.items():
        if value is None:
            continue
        if name in _FILTERS:
            conditions.append(_FILTERS[name](value))
        elif name == "meta":
            conditions += [_meta(store.link, key, wanted) for key, wanted in dict(value).items()]
        elif name == "search":
            conditions.append(_search(str(value), sealed=store.codec is not None))
        else:
            raise InvalidArgument(
                f"Jobs are not found by {name!r}; only by state, kind, queue, tenant, meta, unique, search and parent."
            )
    return conditions


def _state(value: str) -> ColumnElement[bool]:
    """A stored state, or one of those that are derived."""
    derived: dict[str, ColumnElement[bool]] = {
        "scheduled": and_(jobs.c.state == "pending", jobs.c.starts == 0, jobs.c.run_at > jobs.c.created_at),
        "retrying": and_(jobs.c.state == "pending", jobs.c.failures > jobs.c.forgiven),
        "dead": jobs.c.state == literal("failed", literal_execute=True),
    }
    if value in derived:
        return derived[value]
    if value not in STATES:
        raise InvalidArgument(f"{value!r} is not a state: {', '.join((*STATES, *derived))}.")
    named = jobs.c.state == literal(value, literal_execute=True)  # so that both databases see which index has it
    return and_(IS_DEAD, named) if value == "cancelled" else named


def _meta(link: Link, key: str, wanted: Any) -> ColumnElement[bool]:
    text = encode({key: wanted})  # the stored form, so that nested values compare as text
    if link.dialect == "postgresql":
        found = func.jsonb_extract_path(cast(jobs.c.meta, postgresql.JSONB), key)
        return found == func.jsonb_extract_path(cast(literal(text), postgresql.JSONB), key)
    # Not a path, in which a key of other signs than letters would need quotes that depend on SQLite's version.
    has = func.json_each(jobs.c.meta).table_valued("key", "value", "type", name="has")
    if isinstance(wanted, bool) or wanted is None:  # SQLite's value of true is 1
        same = has.c.type == encode(wanted)
    elif isinstance(wanted, str):
        same = and_(has.c.type == "text", has.c.value == wanted)
    elif isinstance(wanted, int | float):
        same = and_(has.c.type.in_(("integer", "real")), has.c.value == wanted)
    else:
        same = and_(has.c.type.in_(("array", "object")), has.c.value == encode(wanted))
    return exists(select(literal(1)).select_from(has).where(has.c.key == key, same))


def _search(text: str, *, sealed: bool) -> ColumnElement[bool]:
    """Ids by their visible end, kinds and unique keys by their start, payloads and errors by any part.

    Not sealed payloads and errors: a word that their ciphertext happens to contain would be a false result.
    """
    text = text[:200]
    plain = (job_data.c.args.contains(text, autoescape=True), job_data.c.error.contains(text, autoescape=True))
    return or_(
        cast(jobs.c.id, String).endswith(text.lower(), autoescape=True),
        jobs.c.kind.startswith(text, autoescape=True),
        jobs.c.unique_key.startswith(text, autoescape=True),
        *(() if sealed else plain),
    )


def _job(store: SqlStore, row: Row) -> Job:
    values = dict(zip(_NAMES, row, strict=True))
    job_id = str(values["id"])
    for name in _INSTANTS:
        values[name] = from_stored(values[name])
    for name in ("id", "parent_id", "root_id"):
        values[name] = values[name] and str(values[name])
    values["payload"] = _readable(store.shown(job_id, "args", values.pop("args")))
    values["result"] = _readable(store.shown(job_id, "result", values["result"]))
    values["error"] = store.shown(job_id, "error", values["error"])
    values["meta"] = _readable(values["meta"]) or {}
    progress = store.open_progress(job_id, _readable(values["progress"]))
    values["progress"] = (progress[0], progress[1]) if progress else None
    return Job(**values)


def _step(store: SqlStore, job_id: str, row: Row) -> Step:
    key, kind, value, error, seq, created_at, seconds, tick_id = row
    told = _readable(store.shown(job_id, f"checkpoint:{key}", error))
    return Step(
        key=key,
        kind=kind,
        value=_readable(store.shown(job_id, f"checkpoint:{key}", value)),
        error=f"{told[0]}: {told[1]}" if isinstance(told, list) else told,
        seq=seq,
        created_at=stored_instant(created_at),
        seconds=seconds,
        tick_id=tick_id and str(tick_id),
    )


def _readable(text: str | None) -> Any:
    """Stored JSON; a text that somebody else wrote badly is shown as it is rather than hidden."""
    try:
        return None if text is None else decode(text)
    except PayloadError:
        return text
