"""The newest dead letters, by cause; and the evidence of one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select

from tickover import Tickover
from tickover.store.sql_store import SqlStore
from tickover.store.tables import job_data, jobs, stored_instant
from tickover_ui.causes import Cause, Death, causes
from tickover_ui.reading import is_state, now, read, rows

MOST: Final = 1000
_COLUMNS: Final = (
    jobs.c.id, jobs.c.kind, jobs.c.queue, jobs.c.tenant, jobs.c.finished_at, jobs.c.failures, jobs.c.crashes, jobs.c.max_retries,
    jobs.c.code_version, jobs.c.holder, job_data.c.error, job_data.c.error_kind,
)  # fmt: skip


def dead(app: Tickover) -> tuple[datetime, list[Cause], bool]:
    """The database's time, the causes of the newest dead letters, and whether there are more than were looked at."""
    return read(app, lambda store: (now(app, store), *newest(store, MOST)))


def newest(store: SqlStore, most: int) -> tuple[list[Cause], bool]:
    """The causes of the newest so many, the one that struck last first, and whether there are more."""
    query = (
        select(*_COLUMNS)
        .join(job_data, job_data.c.job_id == jobs.c.id)
        .where(is_state("failed"))
        .order_by(jobs.c.id.desc())
        .limit(most + 1)
    )
    found = rows(store, query)
    deaths = [
        Death(
            job_id=str(id_), kind=kind, queue=queue, tenant=tenant, at=stored_instant(at), failures=failures, crashes=crashes, max_retries=retries,
            code_version=version or "", tick=holder and str(holder), error=store.shown(str(id_), "error", error) or "", error_kind=error_kind or "",
        )
        for id_, kind, queue, tenant, at, failures, crashes, retries, version, holder, error, error_kind in found[:most]
    ]  # fmt: skip
    return causes(deaths), len(found) > most
