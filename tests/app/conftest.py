"""An application on each database, and plain SQL beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.support.raw import Raw
from tickover import Handler, Settings, Tickover


class Wakes:
    """A waker that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[datetime | None] = []

    def wake(self, at: datetime | None) -> None:
        self.asked.append(at)


@pytest.fixture
def wakes() -> Wakes:
    return Wakes()


@pytest.fixture
def jobs(migrated_url: str, wakes: Wakes) -> Iterator[Tickover]:
    with Tickover(migrated_url, waker=wakes, settings=Settings()) as made:
        yield made


@pytest.fixture
def raw(migrated_url: str) -> Iterator[Raw]:
    with Raw(migrated_url) as made:
        yield made


@pytest.fixture
def double(jobs: Tickover) -> Handler[[int], int]:
    """A handler that doubles a number."""

    @jobs.job
    def double(n: int) -> int:
        return 2 * n

    return double
