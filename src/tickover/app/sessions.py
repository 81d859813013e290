"""Joins the caller's transaction: SQLAlchemy Session, Connection, AsyncSession, or a psycopg or sqlite3 connection.

Commit publishes, rollback leaves nothing. The user's driver may be another than ours (asyncpg): with SQLAlchemy
objects the verb goes through `text()` with one JSON parameter.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from tickover.app.core import Core
from tickover.app.question import merged
from tickover.errors import InvalidArgument
from tickover.store.link import Link, Params, Row
from tickover.store.session_link import SessionLink
from tickover.store.sql_store import SqlStore
from tickover.store.verbs import Dialect, Verb

#: Where a session keeps what waits for its commit.
_WAKES: Final = "tickover_wakes"
_ROWS: Final = "tickover_rows"


@dataclass
class Joined:
    """How to write, and when what was written is public."""

    do: Callable[[Callable[[SqlStore], list[str]]], list[str]]
    #: Whether the transaction is ours: then we may send it again.
    ours: bool
    #: Runs its argument once the transaction is committed; None when nobody can tell.
    publish: Callable[[Callable[[], None]], None] | None = None

    def after_commit(self, call: Callable[[], None]) -> None:
        """Runs `call` when the write is public; with a bare Connection the user calls `jobs.wake()` instead."""
        if self.publish is not None:
            self.publish(call)


@contextmanager
def join(core: Core, session: Any, *, single: Mapping[str, Any] | None = None) -> Iterator[Joined]:
    """Yields how to write into `session`, or into a transaction of our own when there is none.

    Raises:
        InvalidArgument: the session is none of the known kinds, or is of another database than this application's.
    """
    if session is None:
        # What verbs share is not sent again by one of them alone.
        yield Joined(core.do, ours=core.shared is None, publish=core.later)
        return
    if _is_async(session):
        yield _deferred(core, session, single)
        return
    link, publish = _link_on(core, session)
    _check_dialect(core, link.dialect)
    store = core.store(link, theirs=True)
    yield Joined(lambda work: work(store), ours=False, publish=publish)


def _link_on(core: Core, session: Any) -> tuple[Link, Callable[[Callable[[], None]], None] | None]:
    if isinstance(session, sqlite3.Connection):
        from tickover.store.sqlite import SqliteLink

        return SqliteLink(session, core.clock, theirs=True), None
    psycopg = sys.modules.get("psycopg")  # whoever passes one has imported it
    if psycopg is not None and isinstance(session, psycopg.Connection):
        from tickover.store.postgres import PostgresLink

        return PostgresLink(session, theirs=True), None
    alchemy = sys.modules.get("sqlalchemy")
    if alchemy is not None:
        from sqlalchemy.orm import Session, scoped_session

        if isinstance(session, scoped_session):
            session = session()
        if isinstance(session, Session):
            return SessionLink(session.connection(), core.clock), _on_commit(session)
        if isinstance(session, alchemy.Connection):
            return SessionLink(session, core.clock), None
    raise InvalidArgument(
        "session= takes an SQLAlchemy Session, Connection or AsyncSession, or a psycopg or sqlite3 connection, "
        f"not a {type(session).__module__}.{type(session).__qualname__}."
    )


def _on_commit(session: Any) -> Callable[[Callable[[], None]], None]:
    """Runs a call once, after the session's next outermost commit; a rollback drops it."""
    from sqlalchemy import event

    def publish(call: Callable[[], None]) -> None:
        if _WAKES not in session.info:
            session.info[_WAKES] = []
            event.listen(session, "after_commit", _committed)
            event.listen(session, "after_transaction_end", _forget_at_end)
        session.info[_WAKES].append(call)

    return publish


def _committed(session: Any) -> None:
    if session.in_nested_transaction():
        return  # a savepoint's release publishes nothing
    calls, session.info[_WAKES] = session.info[_WAKES], []
    for call in merged(calls):  # 10,000 enqueues in one transaction are one question
        call()


def _forget_at_end(session: Any, transaction: Any) -> None:
    """What a transaction did not publish ends with it, however it ends: commit, rollback or close."""
    if transaction.parent is None:
        for name in (_WAKES, _ROWS):
            if name in session.info:
                session.info[name] = []


def _is_async(session: Any) -> bool:
    return hasattr(session, "sync_session")


def _deferred(core: Core, session: Any, row: Mapping[str, Any] | None) -> Joined:
    """An AsyncSession cannot be written to without await: rows wait in it and are written just before its commit."""
    if row is not None:
        _refuse_keys([row])
    sync = session.sync_session
    _check_dialect(core, sync.get_bind().dialect.name)
    if not sync.in_transaction():
        sync.begin()  # as any statement would: without a transaction, a rollback would have nothing to roll back

    def do(work: Callable[[SqlStore], list[str]]) -> list[str]:
        # The ids exist before the rows do, so the caller has them now; a transaction that fails leaves neither.
        probe = _Probe(core.database.dialect)
        answer = work(core.store(probe, theirs=True))
        _pending(sync, core).append(_Deferred(sync.get_nested_transaction(), probe.calls))
        return answer

    return Joined(do, ours=False, publish=_on_commit(sync))


def _refuse_keys(rows: Iterable[Mapping[str, Any]]) -> None:
    if any("unique_key" in row or "window" in row for row in rows):
        raise InvalidArgument(
            "unique= and idempotency_key= must look before they answer, which an AsyncSession cannot do without await. "
            "Write: await session.run_sync(lambda s: handler.using(session=s, unique=…).enqueue(…))"
        )


def _check_dialect(core: Core, dialect: str) -> None:
    if dialect != core.database.dialect:
        raise InvalidArgument(f"session= is a {dialect} session, but the jobs are in {core.database.dialect}.")


@dataclass(eq=False)
class _Deferred:
    """Rows that wait for a commit."""

    #: The savepoint in which they were enqueued; None outside any.
    born: Any
    calls: list[tuple[Verb, dict[str, Any]]]
    written: bool = False
    #: The savepoint in which they were written.
    inside: Any = None


class _Probe:
    """Stands in for a link: keeps the enqueue verb's parameters and says that every row was accepted."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.statements = 0
        self.deadline: float | None = None
        self.calls: list[tuple[Verb, dict[str, Any]]] = []

    def run(self, verb: Verb, params: Params) -> list[Row]:
        import json

        rows = json.loads(params["jobs" if verb.name == "enqueue" else "keys"])
        _refuse_keys(rows if verb.name == "enqueue" else [{"window": row} for row in rows])
        self.calls.append((verb, dict(params)))
        return [(row["id"],) for row in rows]

    def query(self, _sql: str, _params: Params) -> list[Row]:
        raise InvalidArgument("an AsyncSession is only written to at its commit")

    def transaction(self) -> Any:
        return nullcontext()

    def usable(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing to close."""


def _pending(sync: Any, core: Core) -> list[_Deferred]:
    from sqlalchemy import event

    if _ROWS not in sync.info:
        sync.info[_ROWS] = []
        event.listen(sync, "before_commit", lambda session: _write_pending(session, core))
        event.listen(sync, "after_soft_rollback", _drop_rolled_back)
        event.listen(sync, "after_transaction_end", _forget_at_end)
    pending: list[_Deferred] = sync.info[_ROWS]
    return pending


def _write_pending(session: Any, core: Core) -> None:
    """Writes what waits. A savepoint's release says this too, and for a commit with a savepoint still open nothing
    else does; so rows go in whenever it is said, and again if the savepoint that they went into is rolled back.
    """
    pending: list[_Deferred] = [entry for entry in session.info[_ROWS] if not entry.written]
    for entry in pending:
        link = SessionLink(session.connection(), core.clock)
        for verb, params in entry.calls:
            link.run(verb, params)
        entry.written, entry.inside = True, session.get_nested_transaction()


def _drop_rolled_back(session: Any, rolled_back: Any) -> None:
    """A savepoint's rollback drops what was enqueued inside it; the rest that was written inside it waits again."""
    if not rolled_back.nested:
        return  # its end drops everything
    session.info[_ROWS] = [entry for entry in session.info[_ROWS] if not _within(entry.born, rolled_back)]
    for entry in session.info[_ROWS]:
        entry.written = entry.written and not _within(entry.inside, rolled_back)


def _within(transaction: Any, outer: Any) -> bool:
    while transaction is not None and transaction is not outer:
        transaction = transaction.parent
    return transaction is outer
