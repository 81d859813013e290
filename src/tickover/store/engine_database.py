"""Where our links meet SQLAlchemy: the user's Engine, its pool class for ours, and engines for migrations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event, exc
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from tickover.clock import Clock, monotonic
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
    def link(self, *, deadline: float | None = None) -> Iterator[Link]:  # noqa: ARG002  # the Engine's own timeouts rule
        link = self._borrow()
        try:
            yield link
        finally:
            self._return(link)

    def reopen(self, link: Link) -> Link:
        if (held := self._held.pop(id(link), None)) is not None:  # None: an earlier reopen got so far and failed
            held[0].invalidate()
        fresh = self._borrow()
        link.connection = fresh.connection  # type: ignore[attr-defined]  # links are ours
        self._held[id(link)] = self._held.pop(id(fresh))
        return link

    def engine(self) -> Engine:
        return self._engine

    def close(self) -> None:
        """The Engine is the user's to dispose."""

    def _borrow(self) -> Link:
        try:
            fairy = self._engine.raw_connection()
        except (exc.SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error) as error:  # raw: SQLAlchemy wraps nothing
            raise StorageUnavailable(f"The database cannot be reached: {str(error).splitlines()[0]}") from error
        connection = fairy.driver_connection
        theirs = _mode(self.dialect, connection)
        link = link_on(self.dialect, connection, self._clock)
        self._held[id(link)] = (fairy, theirs)
        return link

    def _return(self, link: Link) -> None:
        held = self._held.pop(id(link), None)  # None where a reopen failed
        if held is not None:
            _hand_back(self.dialect, *held)


def link_on(dialect: Dialect, connection: Any, clock: Clock) -> Link:
    """A link on a connection that SQLAlchemy's pool lends; `_hand_back` undoes what this changes."""
    if dialect == "sqlite":
        from tickover.store.sqlite import SqliteLink

        connection.isolation_level = None
        return SqliteLink(connection, clock)
    from tickover.store.postgres import PostgresLink

    connection.autocommit = True
    return PostgresLink(connection, theirs=True)


def _mode(dialect: Dialect, connection: Any) -> Any:
    """The user's own transaction mode of a connection: they may have set up their Engine for autocommit."""
    return connection.isolation_level if dialect == "sqlite" else connection.autocommit


def _hand_back(dialect: Dialect, fairy: Any, theirs: Any) -> None:
    connection = fairy.driver_connection
    if connection is None:
        return
    if dialect == "sqlite":
        connection.isolation_level = theirs
    elif not connection.closed:
        connection.autocommit = theirs
    fairy.close()


def engine_on(dialect: Dialect, shared: Any, open_link: Callable[[], Any]) -> Engine:
    """An Engine on the database that our links use; `shared` is the one connection of an in-memory database."""
    if shared is not None:
        return create_engine("sqlite://", creator=lambda: shared, poolclass=StaticPool)
    name = "sqlite://" if dialect == "sqlite" else "postgresql+psycopg://"

    def connect() -> Any:
        connection = open_link().connection
        if dialect == "postgresql":
            from psycopg.types.uuid import UUIDLoader

            connection.autocommit = False
            connection.adapters.register_loader("uuid", UUIDLoader)  # ours reads them as text; the user's code must not
        return connection

    return create_engine(name, creator=connect, poolclass=NullPool)


def overflow_pool(pool: Pool, open_link: Callable[[], Any]) -> QueuePool:
    """SQLAlchemy's pool for the connections beside the kept one."""
    from tickover.store.postgres import PostgresLink

    most = max(1, pool.max_open - 1)
    idle = min(most, max(0, pool.idle - 1))
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
        record.info["idle_since"] = monotonic()

    @event.listens_for(made, "checkout")
    def _replace_idle(connection: Any, record: Any, _fairy: Any) -> None:
        idle = monotonic() - record.info.get("idle_since", monotonic())
        if idle > longest or not PostgresLink(connection).usable():
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
    lent: Any = fairy.dbapi_connection  # psycopg's own: our creator made it
    link = PostgresLink(lent)
    broken = False
    try:
        yield link
    except StorageUnavailable:
        broken = True
        raise
    finally:
        link.deadline = None
        if link.connection is not lent:  # reopened meanwhile: the pool knows only the broken one
            link.close()
            broken = True
        if broken:
            fairy.invalidate()
        fairy.close()
