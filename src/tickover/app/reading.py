"""Results, events and looks at the system."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tickover import events as event_types
from tickover.app.core import Core
from tickover.clock import poll
from tickover.domain.ids import parse_id
from tickover.domain.retry import Duration, seconds
from tickover.errors import InvalidArgument, JobCancelledError, JobFailedError, JobNotCompleted
from tickover.store import reads
from tickover.store.sql_store import SqlStore
from tickover.store.tables import stored_instant

_EVENTS_AT_ONCE = 500
_FOLLOW_EVERY = 1.0


def result_text(core: Core, job_id: str, wait: Duration) -> str | None:
    """The stored result of a completed job; else raises why there is none."""
    timeout = seconds(wait, "wait")

    def look() -> tuple[str, str | None, str | None, str | None] | None:
        found = core.do(lambda store: reads.ended(store, job_id))
        return found if found[0] in ("completed", "failed", "cancelled") else None

    found = poll(look, timeout=timeout, clock=core.clock)
    match found:
        case None:
            raise JobNotCompleted(f"Job {job_id} has not ended yet; give wait= seconds, or ask again later.")
        case ("completed", result, _, _):
            return result
        case ("cancelled", *_):
            raise JobCancelledError(f"Job {job_id} was cancelled and has no result.")
    raise JobFailedError(f"Job {job_id} failed: {found[3]}: {found[2]}")


def events(core: Core, *, after: int, follow: bool, job_id: str | None) -> Iterator[event_types.Event]:
    """See `Tickover.events`."""
    if isinstance(after, bool) or not isinstance(after, int) or after < 0:
        raise InvalidArgument(f"after= takes the .seq of an event, or 0; not {after!r}.")
    job = None if job_id is None else parse_id(job_id)
    return _events(core, after, follow=follow, job=job)


def _events(core: Core, after: int, *, follow: bool, job: str | None) -> Iterator[event_types.Event]:
    reading = True
    while reading:
        rows = core.do(partial(_read_events, after=after, job=job))
        for seq, at, name, about, kind, queue, attempt, tick_id, said in rows:
            after = seq
            if isinstance(said.get("run_at"), int | float):
                said["run_at"] = datetime.fromtimestamp(said["run_at"], UTC)
            yield event_types.from_row(
                name, said, seq=seq, at=stored_instant(at), job_id=about, kind=kind, queue=queue, attempt=attempt,
                tick_id=tick_id,
            )  # fmt: skip
        reading = bool(rows) or follow
        if not rows and follow:
            core.clock.wait(_FOLLOW_EVERY)


def _read_events(store: SqlStore, *, after: int, job: str | None) -> list[tuple[Any, ...]]:
    """The next events behind a cursor, each with what it says opened."""
    made: list[tuple[Any, ...]] = []
    for seq, at, name, about, kind, queue, attempt, tick_id, data in store.call(
        "read_events", after=after, job=job, limit=_EVENTS_AT_ONCE
    ):
        job_id = about and str(about)
        said = store.open_event(job_id, json.loads(data)) if data else {}
        made.append((seq, at, name, job_id, kind, queue, attempt, tick_id and str(tick_id), said))
    return made
