"""How every page reads: read-only, bounded in time, and with counts that stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import func, literal, select

from tickover import Tickover
from tickover.store import reads
from tickover.store.sql_store import SqlStore
from tickover.store.tables import jobs
from tickover_ui.words import MOST

T = TypeVar("T")
_TIMEOUT: Final = "3s"
#: States that an index counts. Of the others an exact count would read the whole table.
COUNTED: Final = ("pending", "running", "failed")


def read(app: Tickover, work: Callable[[SqlStore], T]) -> T:
    """Does `work` in a transaction that cannot write and that ends by itself: a page must not hurt the database."""

    def bounded(store: SqlStore) -> T:
        if store.link.dialect == "sqlite":
            return work(store)
        with store.link.transaction():
            store.link.query("SET TRANSACTION READ ONLY", {})
            store.link.query(f"SET LOCAL statement_timeout = '{_TIMEOUT}'", {})
            return work(store)

    return app._core.do(bounded)  # noqa: SLF001  # the dashboard is an edge of the same house


def now(app: Tickover, store: SqlStore) -> datetime:
    """The database's time."""
    return reads.now(store.link, app._core.clock)  # noqa: SLF001  # on SQLite the application's clock is the database's


def counts(store: SqlStore) -> dict[str, int]:
    """Jobs by state, for the states that are cheap to count; what is beyond the bound is one more than it."""
    capped = [
        select(literal(state), func.count()).select_from(
            select(literal(1)).where(jobs.c.state == state).limit(MOST + 1).subquery()
        )
        for state in COUNTED
    ]
    return {state: reads.send(store.link, query)[0][1] for state, query in zip(COUNTED, capped, strict=True)}
