"""An application on a file that must stay as it is while the kit takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tickover import Tickover
from tickover.testing import Kit, in_memory


class Loud:
    """A waker that remembers."""

    def __init__(self) -> None:
        self.wakes: list[datetime | None] = []

    def wake(self, at: datetime | None) -> None:
        self.wakes.append(at)


@pytest.fixture
def waker() -> Loud:
    return Loud()


@pytest.fixture
def jobs(tmp_path: Path, waker: Loud) -> Iterator[Tickover]:
    with Tickover(f"sqlite:///{tmp_path / 'real.db'}", waker=waker) as jobs:
        yield jobs


@pytest.fixture
def kit(jobs: Tickover) -> Iterator[Kit]:
    with in_memory(jobs) as kit:
        yield kit
