"""SQLite: how to open a file, which journal it may have, and what its errors mean."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from tickover import faults
from tickover.clock import Clock, millis, monotonic
from tickover.errors import ConfigurationError, MigrationRequired, StorageUnavailable, TickoverError
from tickover.store.link import DataRefused, KeyTaken, Params, RolledBack, Row, StorageFull, plan, sorted_errors
from tickover.store.verbs import Dialect, Verb

_BUSY_SECONDS = 10.0
MEMORY = ":memory:"


def journal_mode(version: tuple[int, ...], *, one_process: bool = False) -> str:
    """WAL only where the library has no WAL-reset bug, or one process is declared; else TRUNCATE (rule 11).

    The bug is in 3.7.0 to 3.51.2 and can corrupt a database that several processes write; 3.44.6 and 3.50.7 have
    the fix too.
    """
    fixed = version >= (3, 51, 3) or version in ((3, 44, 6), (3, 50, 7))
    return "WAL" if fixed or one_process else "TRUNCATE"


def connect(path: str, clock: Clock) -> SqliteLink:
    """Opens a database file, or the one shared in-memory database of this link.

    Raises:
        StorageUnavailable: in one line.
    """
    if sqlite3.sqlite_version_info < (3, 38):
        raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old: Tickover needs 3.38 (2022) or newer.")
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            if path != MEMORY:
                _ensure_journal(connection)
        except sqlite3.Error:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise StorageUnavailable(f"SQLite cannot open {path}: {error}") from error
    return SqliteLink(connection, clock, lock=threading.RLock() if path == MEMORY else None)


def _ensure_journal(connection: sqlite3.Connection) -> None:
    wanted = journal_mode(sqlite3.sqlite_version_info)
    # Asked first: setting the mode takes a lock, and TRUNCATE is per connection while WAL stays in the file.
    current = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if current.upper() != wanted:
        connection.execute(f"PRAGMA journal_mode = {wanted}")


class SqliteLink:
    """See `tickover.store.link.Link`. The clock's milliseconds are `:now` in every statement."""

    dialect: Dialect = "sqlite"

    def __init__(
        self, connection: sqlite3.Connection, clock: Clock, *, lock: threading.RLock | None = None, theirs: bool = False
    ) -> None:
        self.connection = connection
        self.statements = 0
        self.deadline: float | None = None
        self._clock = clock
        self._pid = os.getpid()
        self._theirs = theirs
        self._turn: Any = lock or nullcontext()

    def run(self, verb: Verb, params: Params) -> list[Row]:
        faults.hit(f"{verb.name}.before_send")
        with self.transaction() if verb.writes else self._turn, sorted_errors(sort_error):
            # Read under the lock, which may have taken seconds to get: a lease counts from the write.
            known = {**params, "now": millis(self._clock.now())}
            rows = plan(self._execute, verb, known, json.dumps)
        faults.hit(f"{verb.name}.after_commit")
        return rows

    def query(self, sql: str, params: Params) -> list[Row]:
        with self._turn, sorted_errors(sort_error):
            return self._execute(sql, params) or []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._turn:
            if self.connection.in_transaction or (self._theirs and self.connection.isolation_level is not None):
                yield  # joins the one that is open, or that the user's driver mode opens by itself
            else:
                with sorted_errors(sort_error), self._committed():
                    yield

    def usable(self) -> bool:
        # Never across a fork: two processes on one handle corrupt the file.
        return os.getpid() == self._pid

    def close(self) -> None:
        if not self._theirs and self.usable():
            self.connection.close()

    @contextmanager
    def _committed(self) -> Iterator[None]:
        self._begin()
        try:
            yield
            self.connection.execute("COMMIT")
        finally:
            # Also a failed COMMIT (disk full, busy reader) leaves the transaction open.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def _begin(self) -> None:
        # IMMEDIATE: a deferred transaction that reads and then writes fails at once, whatever the timeout (2.21).
        left = _BUSY_SECONDS if self.deadline is None else self.deadline - monotonic()
        self.connection.execute(f"PRAGMA busy_timeout = {int(1000 * max(0.05, min(_BUSY_SECONDS, left)))}")
        self.connection.execute("BEGIN IMMEDIATE")

    def _execute(self, statement: str, params: Params) -> list[Row] | None:
        self.statements += 1
        cursor = self.connection.cursor()
        cursor.row_factory = None  # the user's connection may have another
        try:
            cursor.execute(statement, params)
            # All rows before COMMIT: SQLite rolls a RETURNING statement back that was not read to its end.
            return cursor.fetchall() if cursor.description else None
        finally:
            cursor.close()


def sort_error(error: Exception) -> Exception:
    """What a driver error means for what was sent; see `tickover.store.link`. Bugs come back unchanged."""
    if isinstance(error, TickoverError) or not isinstance(error, sqlite3.Error):
        return error
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    said = str(error)
    if "no such table" in said or "no such column" in said or "no column named" in said:
        return MigrationRequired(f"{MigrationRequired.__doc__} SQLite said: {said}.")
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return RolledBack(f"The SQLite file is locked by another process: {said}")
        case sqlite3.SQLITE_FULL:
            return StorageFull("SQLite has no disk left")
        case sqlite3.SQLITE_CONSTRAINT if "UNIQUE" in said:
            return KeyTaken(said)
        case sqlite3.SQLITE_CONSTRAINT | sqlite3.SQLITE_MISMATCH | sqlite3.SQLITE_TOOBIG:
            return DataRefused(said)
        case (
            sqlite3.SQLITE_IOERR
            | sqlite3.SQLITE_CANTOPEN
            | sqlite3.SQLITE_CORRUPT
            | sqlite3.SQLITE_NOTADB
            | sqlite3.SQLITE_READONLY
        ):
            return StorageUnavailable(f"SQLite cannot use the file: {said}")
    return DataRefused(said) if isinstance(error, sqlite3.DataError | sqlite3.IntegrityError) else error
