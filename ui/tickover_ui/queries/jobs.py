"""A page of jobs, newest first, with what the list says of each beyond the job itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from tickover import Tickover
from tickover.domain.job_view import Job, Page
from tickover.errors import InvalidArgument
from tickover.store import reads
from tickover.store.sql_store import SqlStore
from tickover.store.tables import from_stored, jobs
from tickover_ui.filters import Filters
from tickover_ui.queries.ended import Quarter, quarters
from tickover_ui.queries.frame import Frame, frame_of
from tickover_ui.reading import now, read, rows

ROWS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """What a row shows and a `Job` has not."""

    steps: int
    max_retries: int
    forgiven: int
    lease_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What the page shows."""

    now: datetime
    found: Page[Job]
    extra: Mapping[str, Extra]
    frame: Frame
    day: list[Quarter]
    #: Why nothing was looked for, in words.
    said: str = ""


def find(app: Tickover, filters: Filters, cursor: str) -> Listed:
    """Reads the page; what cannot be looked for is said on it."""

    def work(store: SqlStore) -> Listed:
        at = now(app, store)
        found: Page[Job] = Page()
        said = ""
        try:
            found = reads.find(store, limit=ROWS, cursor=cursor or None, **filters.search)
        except InvalidArgument as error:
            said = str(error)
        return Listed(
            now=at,
            found=found,
            extra=_extra(store, [job.id for job in found]),
            frame=frame_of(app, store),
            day=quarters(app, store, at),
            said=said,
        )

    return read(app, work)


def _extra(store: SqlStore, ids: list[str]) -> dict[str, Extra]:
    columns = (jobs.c.id, jobs.c.steps, jobs.c.max_retries, jobs.c.forgiven, jobs.c.lease_until)
    found: list[Any] = rows(store, select(*columns).where(jobs.c.id.in_(ids or [""]))) if ids else []
    return {
        str(id_): Extra(steps=steps, max_retries=retries, forgiven=forgiven, lease_until=from_stored(until))
        for id_, steps, retries, forgiven, until in found
    }
