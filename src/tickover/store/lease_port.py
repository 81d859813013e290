"""What the engine learns of leases that it renews and gives up; a part of `tickover.store.port`, for ticks that hold any."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tickover.domain.ids import JobId
    from tickover.domain.states import State
    from tickover.store.port import Pause


@dataclass(frozen=True, slots=True)
class Settled:
    """Where an accepted transition put its job."""

    state: State
    #: None: it waits without an end.
    run_at: datetime | None


@dataclass(frozen=True, slots=True)
class Beat:
    """What a renewal learned: which leases are still ours, and what was asked meanwhile."""

    held: frozenset[JobId]
    pausing: frozenset[JobId]
    fleet: Pause
