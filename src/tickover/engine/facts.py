"""What a handler knows about its job and may ask of its tick: what both colours of handler share."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from uuid import UUID

from tickover.domain.payload import safe_text
from tickover.engine.colour import AnyContext
from tickover.engine.running import inside_step, inside_transaction, running
from tickover.engine.scope import Scope
from tickover.errors import InvalidArgument

if TYPE_CHECKING:
    from tickover.domain.ids import Epoch, JobId, StepKey
    from tickover.engine.flow import Flow

T = TypeVar("T")
_log: Final = logging.getLogger("tickover.job")


class Frame:
    """Where one handler is: the scope that numbers its steps, another one for each page of an `each`."""

    __slots__ = ("scope",)

    def __init__(self, scope: Scope) -> None:
        self.scope = scope


#: In a branch of a `gather`: the frame of the handler that gathers, and the branch's own.
gathered: Final[ContextVar[tuple[Frame | None, Frame]]] = ContextVar(
    "tickover_gathered", default=(None, Frame(Scope()))
)


class JobContext(AnyContext):
    """What both colours of handler share: facts about the job, and words to its tick that need no answer."""

    def __init__(self, flow: Flow, frame: Frame | None = None, options: Mapping[str, Any] | None = None) -> None:
        #: What all contexts of this run share.
        self.flow = flow
        #: Where this handler is.
        self.frame = frame or Frame(Scope())
        #: Options of the next step, from `using`.
        self.options: Mapping[str, Any] = options or {}
        if frame is None and flow.active is None:
            flow.active = self.frame

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
    def owner(self) -> object:
        """Whose tick this is: façade calls of the same application go through its connection."""
        return self.flow.desk.owner

    @property
    def place(self) -> Frame:
        """Where this code is: the handler's frame, or that of one branch of a `gather` in it."""
        of, branch = gathered.get()
        return branch if of is self.frame else self.frame

    @property
    def scope(self) -> Scope:
        """What numbers the next step."""
        return self.place.scope

    def branch(self, path: str) -> None:
        """From here on this task numbers its own steps: siblings go on in an order that no replay could keep."""
        gathered.set((self.frame, Frame(Scope(path))))

    def child(self, key: StepKey) -> Self:
        """The context of a called handler: its keys are nested."""
        return type(self)(self.flow, Frame(Scope(f"{key}/")))

    @property
    def job_id(self) -> JobId:
        """The job's id."""
        return self.flow.run.job.id

    @property
    def kind(self) -> str:
        """The registered name under which the job was enqueued."""
        return self.flow.run.job.kind

    @property
    def queue(self) -> str:
        """The queue the job came from."""
        return self.flow.run.job.queue

    @property
    def attempt(self) -> int:
        """1 on the first run, one more after each failure."""
        return self.flow.run.job.attempt

    @property
    def tenant(self) -> str | None:
        """Whose job this is; None when nobody said."""
        return self.flow.run.job.tenant or None

    @property
    def meta(self) -> Mapping[str, Any]:
        """What was given as `meta=`."""
        found: Mapping[str, Any] = json.loads(self.flow.run.job.meta) if self.flow.run.job.meta else {}
        return found

    @property
    def slot(self) -> datetime | None:
        """The instant of the schedule that fired this job; None when no schedule did."""
        return self.flow.run.job.slot

    @property
    def trace_context(self) -> str | None:
        """The W3C trace context of whoever enqueued this job."""
        return self.flow.run.job.trace_context

    @property
    def fence(self) -> tuple[JobId, Epoch]:
        """(job id, epoch): for systems that can refuse an older holder. The epoch grows with each claim."""
        lease = self.flow.run.job.lease
        return (lease.job_id, lease.epoch)

    @property
    def remaining(self) -> float:
        """Seconds until this tick starts nothing new; never negative."""
        return max(0.0, self.flow.desk.window().stop - self.flow.now)

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose records carry the job's id, kind, queue and attempt, and the tick's id."""
        return logging.LoggerAdapter(_log, self.log_fields)

    @property
    def log_fields(self) -> dict[str, object]:
        """What the records of this run carry; `tickover.logs` gives it to every logger."""
        return {**self.flow.run.job.log_fields, "tick_id": self.flow.run.tick_id}

    def key(self, name: str, /) -> str:
        """A text that stays the same for this job and name over all attempts: the idempotency key for a payment API."""
        return f"{self.flow.run.job.id}:{name}"

    def progress(self, fraction: float, note: str = "", /) -> None:
        """Says how far the job is, 0 to 1; written with the tick's next write, and kept while the lease holds.

        Raises:
            InvalidArgument: a fraction that is no number.
        """
        self.flow.alive()
        if not isinstance(fraction, int | float) or math.isnan(fraction):
            raise InvalidArgument(f"progress takes a fraction from 0 to 1, not {fraction!r}.")
        self.flow.run.report = json.dumps([round(min(1.0, max(0.0, fraction)), 4), safe_text(note, 255)])

    def now(self) -> datetime:
        """The database's clock when this line ran first; every replay gets the same instant."""
        from tickover.engine import marks

        self._may_mark()
        return marks.now(self)

    def uuid(self) -> UUID:
        """A random UUID, the same at every replay."""
        from tickover.engine import marks

        self._may_mark()
        return marks.uuid(self)

    def random(self) -> float:
        """A random number from 0 to 1, the same at every replay."""
        from tickover.engine import marks

        self._may_mark()
        dice: Random = marks.dice(self, "random")
        return dice.random()

    def version(self, change: str, oldest: int, newest: int, /) -> int:
        """Which version of a change this job takes: `newest`, or `oldest` when its record is from before the change.

        Raises:
            NonDeterminism: the job took a version that this code no longer knows.
        """
        from tickover.engine import marks

        self._may_mark()
        return marks.version(self, change, oldest, newest)

    def close(self) -> None:
        """From now on every word of this context is refused: its job's code has ended."""
        self.flow.over = True

    def ask(self, work: Callable[[Any], T]) -> T:
        """Has the tick do `work(store)` on its own connection; for façade calls inside a job."""
        self.flow.alive()
        if inside_transaction.get():
            raise InvalidArgument(
                "inside ctx.transaction use its connection, or session=, and nothing else of Tickover."
            )
        return self.flow.desk.inbox.ask(work)

    def _may_mark(self) -> None:
        self.flow.boundary()
        if inside_step.get():
            raise InvalidArgument(
                "A step's function may use progress(), check(), remaining and log of ctx, and nothing else: take steps in the handler."
            )
