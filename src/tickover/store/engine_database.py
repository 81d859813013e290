"""Where our links meet SQLAlchemy: the user's Engine, its pool class for ours, and engines for migrations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event, exc
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from tickover.clock import Clock
from tickover.errors import ConfigurationError, StorageUnavailable
from tickover.store.link import Link
from tickover.store.pool import Pool
from tickover.store.verbs import Dialect

_DRIVERS = {"psycopg": "postgresql", "pysqlite": "sqlite"}


class EngineDatabase:
    """Links on connections borrowed from the user's own Engine and its pool."""

    def __init__(self, engine: Any, clock: Clock) -> None:
        if not isinstance(engine, Engine):
            raise ConfigurationError(
                f"{type(engine).__name__} is not a synchronous SQLAlchemy Engine; pass engine.sync_engine or a URL."
            )
        if engine.dialect.driver not in _DRIVERS:
            raise ConfigurationError(
                f"The Engine uses {engine.dialect.name}+{engine.dialect.driver}; ticks need postgresql+psycopg or sqlite."
            )
        self.dialect: Dialect = engine.dialect.name  # type: ignore[assignment]  # one of the two: checked above
        self._engine = engine
        self._clock = clock
        self._held: dict[int, Any] = {}

    @contextmanager
    def link(self) -> Iterator[Link]:
        link = self._borrow()
        try:
            yield link
        finally:
            self._return(link)

    def reopen(self, link: Link) -> Link:
        self._held.pop(id(link)).invalidate()
        fresh = self._borrow()
        fresh.statements = link.statements
        return fresh

    def engine(self) -> Engine:
        return self._engine

    def close(self) -> None:
        """The Engine is the user's to dispose."""

    def _borrow(self) -> Link:
        try:
            fairy = self._engine.raw_connection()
        except exc.SQLAlchemyError as error:
            raise StorageUnavailable(f"The database cannot be reached: {str(error).splitlines()[0]}") from error
        link = link_on(self.dialect, fairy.driver_connection, self._clock)
        self._held[id(link)] = fairy
        return link

    def _return(self, link: Link) -> None:
        # A reopened link has another identity; give back whatever this thread still holds for it.
        fairy = self._held.pop(id(link), None)
        if fairy is not None:
            _hand_back(self.dialect, fairy)


def link_on(dialect: Dialect, connection: Any, clock: Clock) -> Link:
    """A link on a connection that SQLAlchemy's pool lends; `_hand_back` undoes what this changes."""
    if dialect == "sqlite":
        from tickover.store.sqlite import SqliteLink

        connection.isolation_level = None
        return SqliteLink(connection, clock)
    from tickover.store.postgres import PostgresLink

    connection.autocommit = True
    return PostgresLink(connection, theirs=True)


def _hand_back(dialect: Dialect, fairy: Any) -> None:
    connection = fairy.driver_connection
    if connection is None:
        return
    if dialect == "sqlite":
        connection.isolation_level = ""
    elif not connection.closed:
        connection.autocommit = False
    fairy.close()


def engine_on(dialect: Dialect, shared: Any, open_link: Callable[[], Any]) -> Engine:
    """An Engine on the database that our links use; `shared` is the one connection of an in-memory database."""
    if shared is not None:
        return create_engine("sqlite://", creator=lambda: shared, poolclass=StaticPool)
    name = "sqlite://" if dialect == "sqlite" else "postgresql+psycopg://"

    def connect() -> Any:
        connection = open_link().connection
        if dialect == "postgresql":
            connection.autocommit = False
        return connection

    return create_engine(name, creator=connect, poolclass=NullPool)


def overflow_pool(pool: Pool, open_link: Callable[[], Any]) -> QueuePool:
    """SQLAlchemy's pool for the connections beside the kept one."""
    most = max(1, pool.max_open - 1)
    idle = min(most, max(0, pool.max_idle - 1))
    made = QueuePool(
        lambda: open_link().connection,
        pool_size=max(1, idle),
        max_overflow=most - max(1, idle),
        recycle=int(pool.lifetime),
        reset_on_return=None,  # our links leave no transaction open
        timeout=30,
    )
    longest = pool.idle_time

    @event.listens_for(made, "checkin")
    def _note(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(made, "checkout")
    def _replace_idle(connection: Any, record: Any, _fairy: Any) -> None:
        if connection.closed or time.monotonic() - record.info.get("idle_since", time.monotonic()) > longest:
            raise exc.DisconnectionError

    return made


@contextmanager
def pooled(pool: QueuePool) -> Iterator[Link]:
    """One link from the pool, and back; a broken connection is thrown away."""
    from tickover.store.postgres import PostgresLink

    try:
        fairy = pool.connect()
    except exc.TimeoutError as error:
        raise StorageUnavailable(
            "All connections of the pool are in use; raise Pool.max_open or ask less at once."
        ) from error
    try:
        yield PostgresLink(fairy.dbapi_connection)  # type: ignore[arg-type]  # psycopg's own: our creator made it
    except StorageUnavailable:
        fairy.invalidate()
        raise
    finally:
        fairy.close()
