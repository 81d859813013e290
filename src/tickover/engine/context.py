"""What a handler knows about its job and may ask of its tick: two short faces over one run."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from tickover.domain.payload import safe_text
from tickover.engine.interrupt import ContextClosed, Interrupt, LeaseLost, Suspend
from tickover.errors import InvalidArgument

if TYPE_CHECKING:
    from tickover.domain.ids import Epoch, JobId
    from tickover.engine.inbox import Inbox
    from tickover.engine.run import Run

T = TypeVar("T")
_log: Final = logging.getLogger("tickover.job")
#: The context of the job that this thread or task runs; None elsewhere.
running: ContextVar[JobContext | None] = ContextVar("tickover_running", default=None)


class JobContext:
    """What both colours of handler share: facts about the job, and words to its tick that need no answer."""

    def __init__(
        self, run: Run, inbox: Inbox, *, owner: object, stop: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        #: Whose tick this is: façade calls of the same application go through its connection.
        self.owner = owner
        self._run = run
        self._inbox = inbox
        self._stop = stop
        self._monotonic = monotonic
        self._over = False
        #: What a boundary raised: from then on the run's end is this, whatever the handler makes of it.
        self.interrupted: Interrupt | None = None

    @classmethod
    def current(cls) -> Self:
        """The context of the job that runs this code, for helpers deep inside it.

        Raises:
            InvalidArgument: outside a job, or in one of the other colour.
        """
        context = running.get()
        if not isinstance(context, cls):
            raise InvalidArgument(f"{cls.__name__}.current() is for code that a job runs; no such job runs here.")
        return context

    @property
    def job_id(self) -> JobId:
        """The job's id."""
        return self._run.job.id

    @property
    def kind(self) -> str:
        """The registered name under which the job was enqueued."""
        return self._run.job.kind

    @property
    def queue(self) -> str:
        """The queue the job came from."""
        return self._run.job.queue

    @property
    def attempt(self) -> int:
        """1 on the first run, one more after each failure."""
        return self._run.job.attempt

    @property
    def tenant(self) -> str | None:
        """Whose job this is; None when nobody said."""
        return self._run.job.tenant or None

    @property
    def meta(self) -> Mapping[str, Any]:
        """What was given as `meta=`."""
        found: Mapping[str, Any] = json.loads(self._run.job.meta) if self._run.job.meta else {}
        return found

    @property
    def trace_context(self) -> str | None:
        """The W3C `traceparent` (and `tracestate`) that the enqueue stored with the job; see `tickover.otel`."""
        return self._run.job.trace_context

    @property
    def slot(self) -> datetime | None:
        """The instant of the schedule that fired this job; None when no schedule did."""
        return self._run.job.slot

    @property
    def fence(self) -> tuple[JobId, Epoch]:
        """(job id, epoch): for systems that can refuse an older holder. The epoch grows with each claim."""
        return (self._run.job.lease.job_id, self._run.job.lease.epoch)

    @property
    def remaining(self) -> float:
        """Seconds until this tick starts nothing new; never negative."""
        return max(0.0, self._stop() - self._monotonic())

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose records carry the job's id, kind, queue and attempt, and the tick's id."""
        return logging.LoggerAdapter(_log, self.log_fields)

    @property
    def log_fields(self) -> dict[str, object]:
        """What the records of this run carry; `tickover.logs` gives it to every logger."""
        return {**self._run.job.log_fields, "tick_id": self._run.tick_id}

    def key(self, name: str, /) -> str:
        """A text that stays the same for this job and name over all attempts: the idempotency key for a payment API."""
        return f"{self._run.job.id}:{name}"

    def progress(self, fraction: float, note: str = "", /) -> None:
        """Says how far the job is, 0 to 1; written with the tick's next write, and kept while the lease holds.

        Raises:
            InvalidArgument: a fraction that is no number.
        """
        self._alive()
        if not isinstance(fraction, int | float) or math.isnan(fraction):
            raise InvalidArgument(f"progress takes a fraction from 0 to 1, not {fraction!r}.")
        self._run.report = json.dumps([round(min(1.0, max(0.0, fraction)), 4), safe_text(note, 255)])

    def close(self) -> None:
        """From now on every word of this context is refused: its job's code has ended."""
        self._over = True

    def _alive(self) -> None:
        if self._over or self._run.word == "closed":
            raise ContextClosed("this job's run is over; its context answers nothing any more")

    def boundary(self) -> None:
        """Raises what the tick has to say, and raises it again if the handler swallowed it; here a run can be stopped."""
        self._alive()
        self.interrupted = self.interrupted or self._heard()
        if self.interrupted is not None:
            raise self.interrupted

    def _heard(self) -> Interrupt | None:
        match self._run.word:
            case "lost":
                return LeaseLost("another tick, the reaper or an operator has this job now")
            case "deadline" | "paused" | "stopping" as reason:
                return Suspend(reason)
        return Suspend("deadline") if self._monotonic() >= self._stop() else None

    def ask(self, work: Callable[[Any], T]) -> T:
        """Has the tick do `work(store)` on its own connection; for façade calls inside a job."""
        self._alive()
        return self._inbox.ask(work)


class Context(JobContext):
    """What a `def` handler gets as its first parameter when it asks for it by annotation."""

    def check(self) -> None:
        """A boundary: returns, or ends the run because it was cancelled, paused, lost, or is out of time."""
        self.boundary()


class AsyncContext(JobContext):
    """What an `async def` handler gets: the same verbs, awaited."""

    def check(self) -> Coroutine[Any, Any, None]:
        """A boundary: returns, or ends the run because it was cancelled, paused, lost, or is out of time."""

        async def boundary() -> None:
            self.boundary()

        return boundary()
