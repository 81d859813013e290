"""A park: what a suspended job waits for, and the fan-out that is written together with the suspension."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tickover.domain.fanout import FanOutPlan

WaitKind = Literal["timer", "retry", "signal", "callback", "fan_out", "cap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    """Suspends a job until something wakes it, or until an instant of the database's clock."""

    kind: WaitKind
    #: Which signal, callback or fan-out; for timers the key of the step.
    ref: str
    until: datetime | None = None
    generation: int = 0
    creates: FanOutPlan | None = None

    def creating(self, plan: FanOutPlan, now: datetime) -> Park:
        """The park that begins a fan-out; its job looks again when the fan-out's time is over."""
        until = None if plan.timeout is None else now + timedelta(seconds=plan.timeout)
        return replace(self, until=until, creates=plan)
