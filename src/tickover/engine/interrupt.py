"""How the engine unwinds user code: BaseExceptions, so that `except Exception` in a handler never swallows one."""

from __future__ import annotations


class Interrupt(BaseException):
    """Ends a run from inside; what the handler returns or raises afterwards is ignored."""


class Suspend(Interrupt):
    """The run stops here, and its job goes back unharmed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        #: `deadline`, `paused` or `stopping`.
        self.reason = reason


class LeaseLost(Interrupt):
    """Another tick, the reaper or an operator has this job now; nothing this run writes is kept."""


class TickClosed(Interrupt):
    """The tick that ran this job is over; nobody answers any more."""


class ContextClosed(Interrupt):
    """This context's run is over: a thread or task that outlived its job asked it for something."""
