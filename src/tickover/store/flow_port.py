"""What the engine learns of fan-outs and callbacks; a part of `tickover.store.port`, apart because most ticks ask for none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tickover.domain.fanout import Status
    from tickover.domain.ids import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A fan-out that got its verdict just now."""

    fan_out_id: str
    parent_id: JobId
    status: Status
    #: Whether the children that still run are to be cancelled.
    cancels: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOutView:
    """Where a fan-out stands."""

    status: Status
    overdue: bool
    timeout_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackView:
    """Where a callback stands; `returns` names the type that its answer must have."""

    received: bool
    payload: str | None
    expired: bool
    returns: str | None
