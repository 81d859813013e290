"""The newest dead letters, by cause."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select

from tickover import Tickover
from tickover.store import reads
from tickover.store.sql_store import SqlStore
from tickover.store.tables import job_data, jobs, stored_instant
from tickover_ui.causes import Cause, Death, causes
from tickover_ui.reading import now, read

_DEAD: Final = 1000


def dead(app: Tickover) -> tuple[datetime, list[Cause], bool]:
    """The database's time, the causes of the newest dead letters, and whether there are more than were looked at."""
    query = (
        select(jobs.c.id, jobs.c.kind, jobs.c.queue, jobs.c.finished_at, job_data.c.error, job_data.c.error_kind)
        .join(job_data, job_data.c.job_id == jobs.c.id)
        .where(jobs.c.state == "failed")
        .order_by(jobs.c.id.desc())
        .limit(_DEAD + 1)
    )

    def work(store: SqlStore) -> tuple[datetime, list[Cause], bool]:
        rows = reads.send(store.link, query)
        deaths = [
            Death(job_id=str(id_), kind=kind, queue=queue, at=stored_instant(at), error=store.shown(str(id_), "error", error) or "", error_kind=error_kind or "")
            for id_, kind, queue, at, error, error_kind in rows[:_DEAD]
        ]  # fmt: skip
        return now(app, store), causes(deaths), len(rows) > _DEAD

    return read(app, work)
