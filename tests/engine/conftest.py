"""Each engine test has an application of its own on a guarded database, whose identities are checked at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.gate import Gate
from tests.support.world import World, opened
from tickover import Tickover, faults


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


@pytest.fixture
def fault() -> Iterator[Callable[[str, Callable[[], None]], None]]:
    """`fault(point, action)`: the first time that this process passes the point, the action happens there."""
    waiting: dict[str, Callable[[], None]] = {}

    def on_hit(point: str) -> None:
        action = waiting.pop(point, None)
        if action is not None:
            action()

    def arm(point: str, action: Callable[[], None]) -> None:
        waiting[point] = action

    faults.arm(on_hit)
    yield arm
    faults.arm(None)
    assert not waiting, f"the test never came to {list(waiting)}"
