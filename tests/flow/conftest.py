"""Workflows on a guarded database of their own, whose identities are checked at the end of each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.world import World, opened
from tickover import Tickover


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    with opened(migrated_url) as made:
        yield made


@pytest.fixture
def jobs(world: World) -> Tickover:
    """Leases long enough for a busy machine; an address and a secret for callbacks."""
    return world.app(lease=20, secret="a secret for tests only", public_url="https://jobs.example")
