"""Each test of the contract has a guarded database of its own, whose identities are checked when it ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.world import World, opened


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    with opened(migrated_url) as made:
        yield made
