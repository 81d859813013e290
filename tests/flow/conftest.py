"""Workflows on a guarded database of their own, whose identities are checked at the end of each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.world import World, opened
from tickover import Tickover, faults


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    with opened(migrated_url) as made:
        yield made


@pytest.fixture
def jobs(world: World) -> Tickover:
    """Leases long enough for a busy machine; an address and a secret for callbacks."""
    return world.app(lease=20, secret="a secret for tests only", public_url="https://jobs.example")


@pytest.fixture
def fault() -> Iterator[Callable[[str, Callable[[], None]], None]]:
    """`fault(point, action)`: the first time that this process passes the point, the action happens there."""
    waiting: dict[str, Callable[[], None]] = {}

    def on_hit(point: str) -> None:
        if (action := waiting.pop(point, None)) is not None:
            action()

    faults.arm(on_hit)
    yield waiting.__setitem__
    faults.arm(None)
    assert not waiting, f"the test never came to {list(waiting)}"
