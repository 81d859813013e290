"""An arena per dialect and module: its database is made once, and emptied for each encounter."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.interleavings.arena import Arena
from tests.support import postgres


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Two applications on one migrated database."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            path: Path = tmp_path_factory.mktemp("arena") / "jobs.db"
            shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
            url = f"sqlite:///{path}"
        else:
            template = postgres.database_name(request.getfixturevalue("migrated_postgres"))
            server = request.getfixturevalue("postgres_url")
            url = stack.enter_context(postgres.database(server, template=template))
        yield stack.enter_context(closing(Arena(url)))
