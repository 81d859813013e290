"""Each engine test has an application of its own on a guarded database, whose identities are checked at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gate import Gate
from tests.support.world import World, opened
from tickover import Tickover


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    with opened(migrated_url) as made:
        yield made


@pytest.fixture
def jobs(world: World) -> Tickover:
    """Short leases, so that a beat comes soon; and little grace, so that nothing waits long."""
    return world.app(lease=1.5, grace=0.5)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Opens by itself at the test's end, so that no thread stays behind."""
    made = Gate()
    yield made
    made.set()
