"""What is not a session, or not one of this database, is refused before anything is written."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from tickover import Handler, Tickover
from tickover.clock import SystemClock
from tickover.errors import InvalidArgument
from tickover.store.session_link import SessionLink


@pytest.mark.parametrize(
    "wrong",
    [
        lambda _url: object(),
        lambda url: url,
        lambda url: create_engine(url.replace("postgresql://", "postgresql+psycopg://")),
        lambda _url: sessionmaker(),
        lambda _url: Session,
        lambda _url: AsyncConnection(create_async_engine("sqlite+aiosqlite://")),
    ],
)
def test_what_is_no_session_is_refused_and_the_message_lists_what_is(
    migrated_url: str, jobs: Tickover, double: Handler[[int], int], wrong: Callable[[str], Any]
) -> None:
    with pytest.raises(
        InvalidArgument, match="session= takes an SQLAlchemy Session, Connection or AsyncSession, or a psy"
    ):
        double.using(session=wrong(migrated_url)).enqueue(1)
    assert jobs.find() == []


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_an_async_driver_connection_is_refused(migrated_url: str, double: Handler[[int], int]) -> None:
    async def story() -> None:
        async with await psycopg.AsyncConnection.connect(migrated_url) as connection:
            with pytest.raises(InvalidArgument, match=r"not a psycopg.*AsyncConnection"):
                double.using(session=connection).enqueue(1)

    asyncio.run(story())


@contextmanager
def sqlite_session() -> Iterator[Any]:
    engine = create_engine("sqlite://")
    with Session(engine) as session:
        yield session
    engine.dispose()


@contextmanager
def sqlite_connection() -> Iterator[Any]:
    connection = sqlite3.connect(":memory:")
    yield connection
    connection.close()


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.parametrize("other", [sqlite_session, sqlite_connection])
def test_a_session_of_another_database_is_refused(double: Handler[[int], int], other: Callable[[], Any]) -> None:
    with (
        other() as session,
        pytest.raises(InvalidArgument, match="is a sqlite session, but the jobs are in postgresql"),
    ):
        double.using(session=session).enqueue(1)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_postgresql_session_is_refused_where_the_jobs_are_in_sqlite(
    postgres_url: str, double: Handler[[int], int]
) -> None:
    with (
        psycopg.connect(postgres_url) as connection,
        pytest.raises(InvalidArgument, match="is a postgresql session, but the jobs are in sqlite"),
    ):
        double.using(session=connection).enqueue(1)


def test_a_session_of_a_database_that_we_do_not_know_is_refused(double: Handler[[int], int]) -> None:
    class Dialect:
        name = "mysql"

    class Connection:
        dialect = Dialect()

    with pytest.raises(InvalidArgument, match="is a mysql session; Tickover knows PostgreSQL and SQLite"):
        SessionLink(Connection(), SystemClock())
