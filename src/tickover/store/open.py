"""From a URL or the user's Engine to links: opened lazily, kept, checked on use, never across a fork."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from tickover.clock import Clock, monotonic
from tickover.errors import ConfigurationError, StorageUnavailable
from tickover.store.link import Link, OutcomeUnknown, ReadOnly
from tickover.store.pool import Pool
from tickover.store.verbs import Dialect

if TYPE_CHECKING:  # SQLAlchemy is most of a cold start; a URL does not need it
    from sqlalchemy import URL, Engine

_INHERITED: Final[list[Any]] = []
_WAIT: Final = 30.0  # seconds for the one connection of a pool of one, as in SQLAlchemy's pool
_HELP: Final = "Give something like sqlite:///jobs.db or postgresql://user@host/db."


class Database(Protocol):
    """Where links come from."""

    dialect: Dialect

    @contextmanager
    def link(self, *, deadline: float | None = None) -> Iterator[Link]:
        """A link for one use; a broken one is not used again. Connecting ends at the monotonic `deadline`."""
        ...

    def reopen(self, link: Link) -> Link:
        """Gives a broken link that is in use a new connection; returns the same link."""

    def engine(self) -> Engine:
        """An SQLAlchemy engine on the same database, for migrations and for the user's own transactions."""

    def close(self) -> None:
        """Closes what is idle; safe to repeat."""


def open_database(
    database: str | URL | Engine, *, pool: Pool, clock: Clock, login: Callable[[str], str] | None = None
) -> Database:
    """Returns the database behind a URL or an Engine; nothing is opened yet.

    `login` makes of a PostgreSQL URL the one to connect with, for each new connection: passwords that do not last.

    Raises:
        ConfigurationError: not PostgreSQL (psycopg) or SQLite, or not a URL at all.
    """
    if not isinstance(database, str):
        if hasattr(database, "raw_connection"):
            from tickover.store.engine_database import EngineDatabase

            return EngineDatabase(database, clock)
        if not hasattr(database, "render_as_string"):
            raise ConfigurationError(f"A database is a URL or an SQLAlchemy Engine, not {database!r:.80}. {_HELP}")
        database = database.render_as_string(hide_password=False)
    scheme, separator, rest = database.partition("://")
    match scheme:
        case "sqlite" | "sqlite+pysqlite" if separator:
            return KeptLinks("sqlite", _sqlite_path(rest), pool, clock)
        case "postgres" | "postgresql" | "postgresql+psycopg" if separator:
            return KeptLinks("postgresql", f"postgresql://{rest}", pool, clock, login)
    shown = scheme if separator else database.split("@")[-1][:40]
    raise ConfigurationError(f"{shown!r} is not a database that Tickover knows. {_HELP}")


def load_driver(dialect: Dialect) -> None:
    """Imports what such a database is reached with, and connects nothing."""
    import_module("tickover.store.postgres" if dialect == "postgresql" else "tickover.store.sqlite")


def _sqlite_path(rest: str) -> str:
    path = rest.partition("?")[0]
    if path in ("", "/", "/:memory:"):
        return ":memory:"
    if not path.startswith("/"):
        raise ConfigurationError("A SQLite URL has three slashes before a relative path, four before an absolute one.")
    return path[1:]


class KeptLinks:
    """One kept link for whoever comes first, and a pool for those who come while it is in use.

    Most processes only ever need the kept one: then SQLAlchemy's pool, and SQLAlchemy itself, are never imported.
    """

    def __init__(
        self, dialect: Dialect, target: str, pool: Pool, clock: Clock, login: Callable[[str], str] | None = None
    ) -> None:
        self.dialect: Dialect = dialect
        self.target = target
        self._login = login
        self._pool = pool
        self._clock = clock
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)
        self._slot: list[Link] = []  # the kept link; a list, so that the finalizer need not hold us
        self._busy = False
        self._opened = self._used = 0.0
        self._pid = os.getpid()
        self._overflow: Any = None
        #: Asked about the server once, so that a transaction of a job is not.
        self._engine: Engine | None = None
        self._engine_pid = 0
        # An application that is dropped without close() still gives its connection back.
        weakref.finalize(self, _close_all, self._slot)

    @contextmanager
    def link(self, *, deadline: float | None = None) -> Iterator[Link]:
        if self._memory:
            yield self._kept_link()  # one database, one link; it locks itself
            return
        if not self._take_turn(wait=_WAIT if self._pool.max_open == 1 else 0.0):
            if self._pool.max_open == 1:
                raise StorageUnavailable(
                    "The one connection of the pool is in use; raise Pool.max_open or ask less at once."
                )
            with self._second(deadline) as link:
                yield link
            return
        try:
            link = self._kept_link(deadline)
            try:
                yield link
            finally:
                link.deadline = None
                self._used = monotonic()
        except (OutcomeUnknown, ReadOnly):  # a replica's connection after a failover is as useless as a broken one
            self._drop()
            raise
        finally:
            with self._free:
                self._busy = False
                self._free.notify()

    def reopen(self, link: Link) -> Link:
        link.close()
        link.connection = self._open().connection  # type: ignore[attr-defined]  # links are ours
        if link is self._kept:
            self._opened = monotonic()
        return link

    def engine(self) -> Engine:
        if self._engine is None or self._engine_pid != os.getpid():
            self._engine, self._engine_pid = self._made_engine(), os.getpid()
        return self._engine

    def _made_engine(self) -> Engine:
        from tickover.store.engine_database import engine_on

        return engine_on(self.dialect, self._kept_link().connection if self._memory else None, self._open)  # type: ignore[attr-defined]  # memory links are ours

    def close(self) -> None:
        with self._lock:
            self._leave_inherited()
            if not self._busy:
                self._drop()
            self._engine = None
            if self._overflow is not None:
                self._overflow.dispose()
                self._overflow = None

    @property
    def _kept(self) -> Link | None:
        return self._slot[0] if self._slot else None

    @_kept.setter
    def _kept(self, link: Link | None) -> None:
        self._slot[:] = [] if link is None else [link]

    @property
    def _memory(self) -> bool:
        return self.target == ":memory:"

    def _take_turn(self, *, wait: float) -> bool:
        """Whether the kept link is ours now, or within so many seconds."""
        with self._free:
            self._leave_inherited()
            if not self._free.wait_for(lambda: not self._busy, timeout=wait):
                return False
            self._busy = True
            return True

    def _leave_inherited(self) -> None:
        """After a fork the parent's connections are the parent's: not used, not closed, and not forgotten either.

        The last reference to a SQLite connection closes it, and that would roll back what the parent is about to commit.
        """
        if self._pid != os.getpid():
            _INHERITED.append((self._kept, self._overflow))
            self._kept, self._busy, self._overflow, self._pid = None, False, None, os.getpid()

    def _kept_link(self, deadline: float | None = None) -> Link:
        with self._lock if self._memory else _nothing():
            now = monotonic()
            stale = now - self._opened > self._pool.lifetime or now - self._used > self._pool.idle_time
            if self._kept is not None and not self._memory and (stale or not self._kept.usable()):
                self._drop()
            if self._kept is None:
                self._kept, self._opened = self._open(deadline), now
            self._used = now
            return self._kept

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _open(self, deadline: float | None = None) -> Link:
        if self.dialect == "sqlite":
            from tickover.store import sqlite

            return sqlite.connect(self.target, self._clock)
        from tickover.store import postgres

        if self._login is None:
            return postgres.connect(self.target, deadline=deadline)
        try:
            return postgres.connect(self._login(self.target), deadline=deadline)
        except postgres.LoginRefused:
            if (forget := getattr(self._login, "forget", None)) is None:
                raise
            forget()  # a password that was rotated a moment ago
            return postgres.connect(self._login(self.target), deadline=deadline)

    @contextmanager
    def _second(self, deadline: float | None) -> Iterator[Link]:
        """A link beside the kept one: pooled on PostgreSQL; on SQLite opening a file costs less than a pool."""
        if self.dialect == "sqlite":
            link = self._open(deadline)
            try:
                yield link
            finally:
                link.close()
            return
        from tickover.store.engine_database import overflow_pool, pooled

        with self._lock:
            if self._overflow is None:
                self._overflow = overflow_pool(self._pool, self._open)
        with pooled(self._overflow) as link:
            yield link


def _close_all(links: list[Link]) -> None:
    for link in links:
        link.close()


@contextmanager
def _nothing() -> Iterator[None]:
    yield
