"""The user's own SQL in one transaction with a checkpoint and the fence, on a second connection (rule 4a).

The fence comes last: first, it would hold the job's row while user code runs, and the tick renews that row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import Connection, event, exc

from tickover import faults
from tickover.clock import Clock
from tickover.domain.checkpoint import Saved
from tickover.domain.job import Lease
from tickover.errors import StorageUnavailable
from tickover.store.flow_store import fences
from tickover.store.link import NotHeld, OutcomeUnknown
from tickover.store.open import Database
from tickover.store.session_link import SessionLink
from tickover.store.sql_store import SqlStore


class Turn(Protocol):
    """See `tickover.engine.transaction.Turn`."""

    revoked: bool

    def began(self, undo: Callable[[], None]) -> None:
        """There is something to take back."""

    def ending(self) -> bool:
        """Whether it is not taken back any more."""

    def ended(self) -> None:
        """Nothing is left to be taken back."""


def transact(
    database: Database,
    clock: Clock,
    lease: Lease,
    work: Callable[[Connection], Sequence[Saved]],
    *,
    renew: float,
    turn: Turn,
    store_on: Callable[[SessionLink], SqlStore],
) -> bool:
    """Does `work(connection)` and records what it returns, under the fence; returns whether that stands now.

    Raises:
        NotHeld: the job is not this tick's any more; nothing of the transaction stays.
        OutcomeUnknown: the connection broke, and nobody knows whether the commit was done.
        StorageUnavailable: the turn was taken back, or no connection could be had.
    """
    with _connected(database) as connection, _begun(database, connection, turn):
        store = store_on(SessionLink(connection, clock))
        _check(store, lease, "before its transaction began")
        saves = work(connection)
        faults.hit("transaction.before_record")
        if not turn.ending():
            raise StorageUnavailable(_TAKEN_BACK)
        with _sorted():
            stands = store.record(saves, lease=renew)
            if len(stands) < len(saves):
                raise NotHeld(f"job {lease.job_id} was taken by somebody else while its transaction ran")
            if not all(stands.values()):
                return False  # the `with` undoes it: another value stood first, so this effect happened already
            faults.hit("transaction.before_commit")
            connection.commit()
        faults.hit("transaction.after_commit")
        return True


_TAKEN_BACK = "The transaction took longer than transaction_timeout, and SQLite has one writer: do less in one."


def _check(store: SqlStore, lease: Lease, when: str) -> None:
    if not store.call("still_held", leases=fences([lease])):
        raise NotHeld(f"job {lease.job_id} was taken by somebody else {when}")


@contextmanager
def _connected(database: Database) -> Iterator[Connection]:
    try:
        connection = database.engine().connect()
    except (exc.OperationalError, exc.TimeoutError) as error:
        raise StorageUnavailable(f"No connection for a transaction of a job: {error}") from error
    with connection:
        yield connection


@contextmanager
def _begun(database: Database, connection: Connection, turn: Turn) -> Iterator[None]:
    """One transaction; undone unless it was committed inside."""
    if database.dialect != "sqlite":
        with connection.begin():
            yield
            if connection.in_transaction():
                connection.rollback()
        return
    raw: Any = connection.connection.driver_connection

    def undo() -> None:
        raw.interrupt()
        # A statement that begins just behind the ROLLBACK would commit by itself.
        raw.execute("PRAGMA query_only = ON")
        raw.rollback()

    def refuse(*_args: Any) -> None:
        if turn.revoked:
            raise StorageUnavailable(_TAKEN_BACK)

    event.listen(connection, "before_cursor_execute", refuse)
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    turn.began(undo)
    try:
        yield
    finally:
        turn.ended()
        if turn.revoked:
            raw.execute("PRAGMA query_only = OFF")
        elif raw.in_transaction:
            raw.rollback()


@contextmanager
def _sorted() -> Iterator[None]:
    """What a broken connection means here: after our statements it is the commit that nobody knows about."""
    try:
        yield
    except exc.DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "sqlstate", "none") is None:
            raise OutcomeUnknown(f"The connection broke in a transaction of a job: {error.orig}") from error
        raise StorageUnavailable(f"The transaction was undone: {error.orig}") from error
