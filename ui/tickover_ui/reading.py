"""How every page reads: read-only, bounded in time, and with counts that stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, func, literal, select

from tickover import Tickover
from tickover.clock import monotonic
from tickover.errors import StorageUnavailable
from tickover.store import reads
from tickover.store.link import Row
from tickover.store.sql_store import SqlStore
from tickover.store.sqlite import SqliteLink
from tickover.store.tables import events, jobs
from tickover_ui.words import MOST

T = TypeVar("T")
_SECONDS: Final = 3.0
#: Steps of SQLite's machine between two looks at the clock.
_STEPS: Final = 10_000
_NEWEST: Final = 64


def read(app: Tickover, work: Callable[[SqlStore], T]) -> T:
    """Does `work` where nothing can be written and each statement ends by itself: a page must not hurt the database."""

    def bounded(store: SqlStore) -> T:
        if isinstance(store.link, SqliteLink):
            with _looking(store.link):
                return work(store)
        with store.link.transaction():
            store.link.query("SET TRANSACTION READ ONLY", {})
            store.link.query(f"SET LOCAL statement_timeout = {int(1000 * _SECONDS)}", {})
            return work(store)

    return app._core.do(bounded)  # noqa: SLF001  # the dashboard is an edge of the same house


@contextmanager
def _looking(link: SqliteLink) -> Iterator[None]:
    """No transaction: one would keep the writer waiting for the whole page where the journal is no WAL."""
    end = monotonic() + _SECONDS
    link.connection.execute("PRAGMA query_only = ON")
    link.connection.set_progress_handler(lambda: monotonic() > end, _STEPS)
    try:
        yield
    except Exception as error:
        if "interrupted" in str(error):
            raise StorageUnavailable(f"This page took longer than {_SECONDS:g} s to read, and was given up.") from error
        raise
    finally:
        link.connection.set_progress_handler(None, 0)
        link.connection.execute("PRAGMA query_only = OFF")


def rows(store: SqlStore, query: Select[Any]) -> list[Row]:
    """What a statement finds."""
    return reads.send(store.link, query)


def now(app: Tickover, store: SqlStore) -> datetime:
    """The database's time."""
    return reads.now(store.link, app._core.clock)  # noqa: SLF001  # on SQLite the application's clock is the database's


def newest_events(store: SqlStore) -> tuple[ColumnElement[Any], ...]:
    """The order of events, newest first, that an index has: on PostgreSQL by transaction, as their cursor is (0006)."""
    return (events.c.seq.desc(),) if store.link.dialect == "sqlite" else (events.c.txid.desc(), events.c.seq.desc())


def news(store: SqlStore) -> Any:
    """A number that changes with every event: the sum of the newest ones' numbers.

    Not the latest number: of two transactions the one that began first may commit last, behind it.
    """
    some = select(events.c.seq).order_by(*newest_events(store)).limit(_NEWEST).subquery()
    return select(func.coalesce(func.sum(some.c.seq), 0)).scalar_subquery()


def is_state(state: str) -> ColumnElement[bool]:
    """With the state's name in the statement, so that both databases see which partial index covers it."""
    named = jobs.c.state == literal(state, literal_execute=True)
    return and_(reads.IS_DEAD, named) if state == "cancelled" else named


def capped(*where: ColumnElement[bool]) -> Any:
    """How many jobs match, as a column; what is beyond the bound is one more than it."""
    return (
        select(func.count())
        .select_from(select(literal(1)).select_from(jobs).where(*where).limit(MOST + 1).subquery())
        .scalar_subquery()
    )


def bucket(store: SqlStore, column: Any, seconds: int) -> ColumnElement[int]:
    """The number of the stretch of so many seconds since 1970 in which an instant lies."""
    if store.link.dialect == "sqlite":
        return cast(column, BigInteger) // (1000 * seconds)
    return cast(func.floor(func.extract("epoch", column) / seconds), BigInteger)
