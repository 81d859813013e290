"""Databases for tests. Every test that asks for one runs on SQLite and on a real PostgreSQL; neither is ever skipped."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    """The database's kind. `@pytest.mark.parametrize("dialect", ["postgresql"])` confines a test to one."""
    return str(request.param)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server, started at first use: one per process, so one per xdist worker."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgres.server())
        except postgres.NoPostgreSQL as error:
            pytest.fail(str(error), pytrace=False)
        yield url


@pytest.fixture
def database_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of its own."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        with postgres.database(request.getfixturevalue("postgres_url")) as url:
            yield url


@pytest.fixture
def migrated_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of its own with our tables: a copy of one that is migrated once per session."""
    if dialect == "sqlite":
        copy = tmp_path / "migrated.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), copy)
        yield f"sqlite:///{copy}"
    else:
        template = postgres.database_name(request.getfixturevalue("migrated_postgres"))
        with postgres.database(request.getfixturevalue("postgres_url"), template=template) as url:
            yield url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite file that tests copy: nothing of it is left in a write-ahead log."""
    path = tmp_path_factory.mktemp("template") / "migrated.db"
    _migrate(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> Iterator[str]:
    """The PostgreSQL database that tests copy. Nobody connects to it any more: a template must be left alone."""
    with postgres.database(postgres_url) as url:
        _migrate(url)
        yield url


def _migrate(url: str) -> None:
    from tickover import Tickover

    with Tickover(url) as jobs:
        jobs.migrate()
