"""Writes jobs: keys first, then the rows, in one transaction; and finds out what became of a write that was cut."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tickover.app.newjob import NewJob, rewritten, row_of
from tickover.domain.ids import new_id, new_ids
from tickover.errors import DuplicateJob, InvalidArgument, StorageUnavailable
from tickover.store.link import OutcomeUnknown, RolledBack

if TYPE_CHECKING:
    from tickover.app.core import Core
    from tickover.app.question import Ask
    from tickover.app.sessions import Joined
    from tickover.store.sql_store import SqlStore

_TRIES = 3
_ROWS_AT_ONCE = 10_000
_MOST = 1_000_000


def enqueue(core: Core, new: NewJob[Any], *, session: Any = None) -> str:
    """Writes one job and returns its id.

    Raises:
        DuplicateJob: a job that is not finished yet holds its unique key.
    """
    from tickover.app.sessions import join

    core.load()
    new = rewritten(core, new)
    session = session if session is not None else new.options.get("session")
    with core.hooks.watchers.enqueueing() as note:
        row = {"id": new_id(), **row_of(core, new)}
        note([row])
        with join(core, session, single=row) as joined:
            (job_id,) = _write(joined, [row])
            if job_id != row["id"] and ("window" not in row or row.get("held")):
                raise DuplicateJob(
                    f"A job that is not finished yet has the unique key {row['unique_key']!r}: {job_id}.", job_id=job_id
                )
    joined.after_commit(_ask(core, [row]))
    return job_id


def enqueue_many(core: Core, news: Iterable[NewJob[Any]], *, session: Any = None) -> list[str]:
    """Writes all jobs in one transaction; returns their ids in order, an existing one where a key is held."""
    from tickover.app.sessions import join

    core.load()
    with core.hooks.watchers.enqueueing() as note:
        rows = _rows(core, news)
        if not rows:
            return []
        note(rows)
        with join(core, session) as joined:
            ids = _write(joined, rows)
    joined.after_commit(_ask(core, rows))
    return ids


def _rows(core: Core, news: Iterable[NewJob[Any]]) -> list[dict[str, Any]]:
    """The rows of a set, each with its id, in order."""
    rows = []
    for given in news:
        new = rewritten(core, given)
        if new.options.get("session") is not None:
            raise InvalidArgument("In enqueue_many give session= to enqueue_many itself: it is one transaction.")
        rows.append(row_of(core, new))
        if len(rows) > _MOST:
            raise InvalidArgument(f"enqueue_many takes {_MOST:,} jobs at once; call it in portions.")
    for row, job_id in zip(rows, new_ids(len(rows)), strict=True):
        row["id"] = job_id
    return rows


def _write(joined: Joined, rows: list[dict[str, Any]]) -> list[str]:
    if not joined.ours:
        return joined.do(lambda store: _at_once(store, rows))
    return joined.do(lambda store: _until_known(store, rows))


def _at_once(store: SqlStore, rows: list[dict[str, Any]]) -> list[str]:
    with store.transaction():  # joins theirs; one of ours on a connection of theirs that commits each statement
        return write_rows(store, rows)


def _until_known(store: SqlStore, rows: list[dict[str, Any]]) -> list[str]:
    """Sends a set until its outcome is known: the ids exist before the first send, so looking is enough (rule 9)."""
    one_statement = len(rows) <= _ROWS_AT_ONCE and not any("unique_key" in row or "window" in row for row in rows)
    for attempt in range(_TRIES):
        try:
            with nullcontext() if one_statement else store.transaction():
                return write_rows(store, rows)
        except RolledBack:
            if attempt == _TRIES - 1:
                raise
        except OutcomeUnknown:
            store.reopen()
            if (landed := _landed(store, rows)) is not None:
                return landed
    raise StorageUnavailable("the database broke off three times during one enqueue; nothing is known to be written")


def _landed(store: SqlStore, rows: list[dict[str, Any]]) -> list[str] | None:
    """The ids of a set that was written after all; None when it was not."""
    found = {str(row[0]) for row in store.call("exists", ids=json.dumps([row["id"] for row in rows]))}
    if not found:
        return None
    missing = [row for row in rows if row["id"] not in found]
    holders, owners = _holders(store, missing), _owners(store, missing)
    return [
        row["id"] if row["id"] in found else owners.get(row["id"]) or holders.get(_key(row), row["id"]) for row in rows
    ]


def write_rows(store: SqlStore, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Writes rows in the open transaction; returns for each its id, or the id of the job that holds its key."""
    windows = _reserve(store, rows)
    fresh = [row for row in rows if windows.get(row["id"], row["id"]) == row["id"]]
    if any("unique_key" in row for row in fresh):
        fresh.sort(key=_key)  # one order for all: two sets with the same keys wait for each other once, not crosswise
    written: set[str] = set()
    for start in range(0, len(fresh), _ROWS_AT_ONCE):
        written |= store.enqueue(_sent(row) for row in fresh[start : start + _ROWS_AT_ONCE])
    refused = [row for row in fresh if row["id"] not in written] if len(written) < len(fresh) else []
    for _ in range(_TRIES):
        if not refused:
            break
        holders = _holders(store, refused)
        # The holder may have ended between the two statements; then the key is free, and the row goes in now.
        gone = [row for row in refused if _key(row) not in holders]
        for row in refused:
            if _key(row) in holders:
                windows[row["id"]], row["held"] = holders[_key(row)], True
        if gone:
            again = store.enqueue(_sent(row) for row in gone)
            gone = [row for row in gone if row["id"] not in again]
        refused = gone
    if refused:
        raise StorageUnavailable("a unique key was taken and freed again and again meanwhile; try again")
    return [windows.get(row["id"], row["id"]) for row in rows]


def _reserve(store: SqlStore, rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """For each row with an idempotency key, the id of the job that its window belongs to."""
    keyed = [(n, row) for n, row in enumerate(rows) if "window" in row]
    if not keyed:
        return {}
    asked = [{"tenant": row.get("tenant", ""), **row["window"], "id": row["id"], "n": n} for n, row in keyed]
    owners = {(tenant, key): str(job_id) for tenant, key, job_id in store.call("reserve", keys=json.dumps(asked))}
    return {row["id"]: owners[(row.get("tenant", ""), row["window"]["key"])] for _, row in keyed}


def _owners(store: SqlStore, rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """For each row with an idempotency key, the job that its window belongs to now."""
    asked = [{"tenant": row.get("tenant", ""), "key": row["window"]["key"]} for row in rows if "window" in row]
    if not asked:
        return {}
    found = {(tenant, key): str(job_id) for tenant, key, job_id in store.call("owners", keys=json.dumps(asked))}
    mine = {row["id"]: (row.get("tenant", ""), row["window"]["key"]) for row in rows if "window" in row}
    return {job_id: found[key] for job_id, key in mine.items() if key in found}


def _holders(store: SqlStore, rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], str]:
    keys = [{"tenant": tenant, "unique_key": key} for tenant, key in {_key(row) for row in rows if "unique_key" in row}]
    if not keys:
        return {}
    return {(tenant, key): str(job_id) for tenant, key, job_id in store.call("holders", keys=json.dumps(keys))}


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return (row.get("tenant", ""), row.get("unique_key", ""))


def _sent(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "window"} if "window" in row else row


def _ask(core: Core, rows: Sequence[dict[str, Any]]) -> Ask:
    """When a tick is wanted for these rows: None is now. An estimate by our clock: a wake is only a hint."""
    from tickover.app.question import Ask

    ready = {row.get("queue", "default") for row in rows if "at" not in row and not row.get("delay")}
    if ready:
        return Ask(core.woken, None, frozenset(ready))
    now = core.clock.now().timestamp()
    first = min(row["at_ms"] / 1000 if "at" in row else now + row["delay"] for row in rows)
    return Ask(core.woken, datetime.fromtimestamp(first, UTC))
