"""The ways into a user's own transaction, each behind the same few words."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

KINDS = ["session", "scoped session", "connection", "driver"]


def sync_engine(url: str, **options: Any) -> Engine:
    """An Engine as users make one; on SQLite with the recipe that SQLAlchemy's docs give for savepoints."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), **options)
    if engine.dialect.name == "sqlite":
        with_savepoints(engine)
    return engine


def with_savepoints(engine: Engine) -> None:
    """pysqlite begins by itself, and too late for a savepoint: BEGIN is sent by hand."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")


@dataclass
class Door:
    """A user's transaction, open or about to be."""

    session: Any

    def execute(self, statement: str) -> None:
        if isinstance(self.session, sqlite3.Connection | psycopg.Connection):
            self.session.execute(statement)
        else:
            self.session.execute(text(statement))

    def savepoint(self) -> AbstractContextManager[Any]:
        """Commits at its end; a raised exception rolls back to its beginning."""
        if isinstance(self.session, psycopg.Connection):
            return self.session.transaction()
        if isinstance(self.session, sqlite3.Connection):
            return _savepoint(self.session)
        nested: AbstractContextManager[Any] = self.session.begin_nested()
        return nested

    def commit(self) -> None:
        self.session.commit()

    def rollback(self) -> None:
        self.session.rollback()


@contextmanager
def _savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("SAVEPOINT ours")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK TO ours")
        raise
    finally:
        connection.execute("RELEASE ours")


@contextmanager
def opened(kind: str, url: str) -> Iterator[Door]:
    """A door of this kind on this database."""
    if kind == "driver":
        connection: Any = (
            sqlite3.connect(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else psycopg.connect(url)
        )
        try:
            yield Door(connection)
        finally:
            connection.close()
        return
    engine = sync_engine(url)
    try:
        if kind == "connection":
            with engine.connect() as connection:
                yield Door(connection)
        elif kind == "session":
            with Session(engine) as session:
                yield Door(session)
        else:
            scope = scoped_session(sessionmaker(engine))
            yield Door(scope)
            scope.remove()
    finally:
        engine.dispose()
