"""How the engine unwinds user code: BaseExceptions, so that `except Exception` in a handler never swallows one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tickover.domain.park import Park


class Interrupt(BaseException):
    """Ends a run from inside; what the handler returns or raises afterwards is ignored."""


class Suspend(Interrupt):
    """The run stops here, and its job goes back unharmed."""

    def __init__(self, reason: str, *, park: Park | None = None, need: float | None = None, doing: str = "") -> None:
        super().__init__(reason)
        #: `deadline`, `paused`, `stopping` or `parked`.
        self.reason = reason
        #: What the job waits for, when it is parked.
        self.park = park
        #: Seconds that the step wants which was not started, and its name.
        self.need = need
        self.doing = doing


class LeaseLost(Interrupt):
    """Another tick, the reaper or an operator has this job now; nothing this run writes is kept."""


class TickClosed(Interrupt):
    """The tick that ran this job is over; nobody answers any more."""


class ContextClosed(Interrupt):
    """This context's run is over: a thread or task that outlived its job asked it for something."""
