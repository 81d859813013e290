"""Plain SQL and a store on each test's own database. No guards: a trigger would be in every plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.raw import Raw
from tickover.clock import SystemClock
from tickover.store.open import open_database
from tickover.store.pool import Pool
from tickover.store.sql_store import SqlStore


@pytest.fixture
def raw(migrated_url: str) -> Iterator[Raw]:
    with Raw(migrated_url) as made:
        yield made


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    database = open_database(migrated_url, pool=Pool(), clock=SystemClock())
    with database.link() as link:
        yield SqlStore(link, source=database)
    database.close()
