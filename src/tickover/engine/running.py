"""Which job's code this is: known to everything that may be called inside a job, and light, since a tick without one asks too."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext

#: The context of the job that this thread or task runs; None elsewhere.
running: ContextVar[JobContext | None] = ContextVar("tickover_running", default=None)
#: Whether this code is a step's own function; verbs are refused in it.
inside_step: Final[ContextVar[bool]] = ContextVar("tickover_inside_step", default=False)
#: Whether this code runs in a transaction of a job: our own verbs are refused there, since they would wait for it.
inside_transaction: Final[ContextVar[bool]] = ContextVar("tickover_inside_transaction", default=False)
