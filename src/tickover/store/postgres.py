"""PostgreSQL: how to connect, how long to wait, and what its errors mean."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg.types.string import TextLoader

from tickover import faults
from tickover.clock import monotonic
from tickover.errors import MigrationRequired, StorageUnavailable, TickoverError
from tickover.store.link import (
    DataRefused,
    KeyTaken,
    OutcomeUnknown,
    Params,
    ReadOnly,
    RolledBack,
    Row,
    StorageFull,
    plan,
    sorted_errors,
)
from tickover.store.verbs import Dialect, Verb, pyformat


class LoginRefused(StorageUnavailable):
    """The server does not take this user's password."""


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection whose every wait ends at the tick's deadline: a half-open socket cannot outlive the tick.

    The server's own timeouts are role defaults, not session settings, which transaction poolers reject (rule 17).
    """

    deadline: float | None = None

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        return super().wait(gen if self.deadline is None else self._until(gen, self.deadline), *args, **kwargs)

    def _until(self, gen: Generator[Any, Any, Any], deadline: float) -> Generator[Any, Any, Any]:
        try:
            ready = yield next(gen)
            while ready or monotonic() < deadline:
                ready = yield gen.send(ready)
        except StopIteration as end:
            return end.value
        gen.close()
        self.close()
        raise psycopg.OperationalError("no answer before the deadline")


def connect(conninfo: str, *, timeout: int = 45, deadline: float | None = None) -> PostgresLink:
    """Opens one connection.

    The timeout is long because a serverless database that slept takes 15 to 30 s to wake (6-serverless); a tick's
    deadline shortens it, to libpq's least of 2 s.

    Raises:
        StorageUnavailable: in one line, without the password.
    """
    if deadline is not None:
        timeout = max(2, min(timeout, int(deadline - monotonic())))
    try:
        connection = DeadlineConnection.connect(
            conninfo,
            autocommit=True,  # a one-statement verb is one round trip, not three
            prepare_threshold=None,  # named prepared statements do not survive transaction poolers
            connect_timeout=timeout,
            keepalives_idle=30,
            application_name="tickover",
        )
    except psycopg.Error as error:
        said = _first_line(error)
        # libpq has no SQLSTATE for a connection that was not made; the server's words are all there is.
        kind = LoginRefused if "authentication failed" in str(error) else StorageUnavailable
        raise kind(f"PostgreSQL cannot be reached: {said}") from error
    return PostgresLink(connection)


class PostgresLink:
    """See `tickover.store.link.Link`."""

    dialect: Dialect = "postgresql"

    def __init__(self, connection: psycopg.Connection[Any], *, theirs: bool = False) -> None:
        self.connection = connection
        self.statements = 0
        self._pid = os.getpid()
        self._theirs = theirs
        if not theirs:
            connection.adapters.register_loader("uuid", TextLoader)

    @property
    def deadline(self) -> float | None:
        return getattr(self.connection, "deadline", None)

    @deadline.setter
    def deadline(self, value: float | None) -> None:
        if isinstance(self.connection, DeadlineConnection):
            self.connection.deadline = value

    def run(self, verb: Verb, params: Params) -> list[Row]:
        faults.hit(f"{verb.name}.before_send")
        # Without one of its own, what the first of several statements locks is free again before the second.
        alone = len(verb.statements) == 1 or self.connection.info.transaction_status != 0
        with nullcontext() if alone else self.transaction(), sorted_errors(sort_error):
            rows = plan(self._execute, verb, params, json.dumps)
        faults.hit(f"{verb.name}.after_commit")
        return rows

    def query(self, sql: str, params: Params) -> list[Row]:
        with sorted_errors(sort_error):
            return self._send(sql, params) or []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._theirs and not (self.connection.autocommit and self.connection.info.transaction_status == 0):
            yield  # the user's own transaction, open or about to be
            return
        with sorted_errors(sort_error), self.connection.transaction():
            yield

    def usable(self) -> bool:
        return (
            os.getpid() == self._pid
            and not self.connection.closed
            and self.connection.info.transaction_status == 0
            and not _hung_up(self.connection)
        )

    def close(self) -> None:
        if not self._theirs and os.getpid() == self._pid:  # a forked child's good-bye would end the parent's session
            self.connection.close()

    def _execute(self, statement: str, params: Params) -> list[Row] | None:
        return self._send(pyformat(statement), params)

    def _send(self, sql: str, params: Params) -> list[Row] | None:
        self.statements += 1
        # A cursor of our own: the user's connection may have another cursor class or row factory.
        with psycopg.Cursor(self.connection, row_factory=psycopg.rows.tuple_row) as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall() if cursor.description else None


def _hung_up(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server has said something on an idle connection: then it said good-bye."""
    import select

    try:
        poll = select.poll()
        poll.register(connection.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))
    except (OSError, psycopg.Error):
        return True


def sort_error(error: Exception) -> Exception:
    """What a driver error means for what was sent; see `tickover.store.link`. Bugs (42xxx) come back unchanged."""
    if isinstance(error, TickoverError) or not isinstance(error, psycopg.Error):
        return error
    said = _first_line(error)
    match error:
        case pg.UndefinedTable() | pg.UndefinedColumn():
            return MigrationRequired(f"{MigrationRequired.__doc__} PostgreSQL said: {said}.")
        case pg.UniqueViolation():
            return KeyTaken(said)
        case pg.DiskFull():
            return StorageFull(f"PostgreSQL has no disk left: {said}")
        case pg.ReadOnlySqlTransaction():
            return ReadOnly(f"PostgreSQL takes no writes: {said}")
        case pg.LockNotAvailable() | pg.QueryCanceled() | pg.IdleInTransactionSessionTimeout():
            return RolledBack(said)
    code = error.sqlstate or ""
    # Class 40 by its code: psycopg's DeadlockDetected and SerializationFailure are no kinds of TransactionRollback.
    if (
        (code.startswith("40") and code != "40003")
        or code in ("25P04", "53400")
        or (code.startswith("53") and code != "53100")
    ):
        return RolledBack(said)
    if code.startswith(("22", "23")) or isinstance(error, psycopg.DataError):
        return DataRefused(said)
    if not code or code.startswith(("08", "57P", "40003")):
        return OutcomeUnknown(f"The connection to PostgreSQL broke: {said}")
    return error


def _first_line(error: psycopg.Error) -> str:
    text = (error.diag.message_primary or str(error)).strip()
    return text.split("\n")[0]
