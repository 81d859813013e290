"""What all contexts of one run share: its journal, the way to its tick, and the gate before each step."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from tickover.engine.effects import Ask, Verb
from tickover.engine.interrupt import ContextClosed, Interrupt, LeaseLost, Suspend
from tickover.engine.journal import Journal
from tickover.errors import InvalidArgument

if TYPE_CHECKING:
    from tickover.domain.ids import StepKey
    from tickover.engine.desk import Desk
    from tickover.engine.run import Run

#: Seconds that a step is given when nobody has seen one of its name and nothing was said.
_PRIOR: Final = 1.0
#: No first step of a tick is refused for want of time when so much of the window is left: no tick has more.
_WHOLE: Final = 0.9
#: What no short invocation has: the platform's limit.
_LONGEST: Final = 900.0


class Flow:
    """One run, as its contexts see it."""

    def __init__(self, run: Run, desk: Desk) -> None:
        self.run = run
        self.desk = desk
        self.over = False
        #: How many siblings run at once now.
        self.gathering = 0
        #: The frame whose verbs may be used now; None while a verb is under way.
        self.active: object | None = None
        self._journal: Journal | None = None
        self._stopped: BaseException | None = None

    @property
    def journal(self) -> Journal:
        """The recorded steps; made when the first verb needs them."""
        if self._journal is None:
            self._journal = Journal(self.run.job.lease, self.run.recorded)
        return self._journal

    @property
    def used(self) -> bool:
        """Whether any verb needed the journal."""
        return self._journal is not None

    @property
    def now(self) -> float:
        """This process's monotonic clock."""
        return self.desk.monotonic()

    @property
    def database_now(self) -> datetime:
        """The database's clock, or a moment before."""
        clock = self.desk.means.clock
        return self.run.database_now(self.now) if clock is None else clock()

    @property
    def stopped(self) -> BaseException | None:
        """Why every further verb raises: a suspension, a lost lease, or a replay that took another path."""
        return self._stopped or (self._journal.broken if self._journal is not None else None)

    def stop(self, why: Interrupt) -> BaseException:
        """From now on every verb of this run raises this, whatever the handler makes of it."""
        self._stopped = self.stopped or why
        return self._stopped

    def alive(self) -> None:
        """Raises when this run is over: nobody answers a thread that outlived its job."""
        if self.over or self.run.word == "closed":
            raise ContextClosed("this job's run is over; its context answers nothing any more")

    def boundary(self) -> None:
        """Raises what the tick has to say, and raises it again if the handler swallowed it; here a run can be stopped."""
        self.alive()
        if self.stopped is not None:
            raise self.stopped
        if (heard := self._heard()) is not None:
            raise self.stop(heard)

    def gate(self, step: str, needs: float | None) -> Verb[None]:
        """Returns when a step may start: what it usually takes, or says it needs, fits into what is left of the tick.

        Raises:
            InvalidArgument: no short invocation has so much time.
        """
        self.boundary()
        window, kind = self.desk.window(), self.run.job.kind
        if needs is not None and needs > max(_LONGEST, window.length):
            raise InvalidArgument(
                f"Step {step!r} says it needs {needs:g} s; no tick has more than {max(_LONGEST, window.length):g} s."
            )
        if needs is None and self.desk.paces.stale(kind, self.now):
            self.desk.paces.learn(kind, self.now, (yield Ask(lambda store: store.durations(kind))))
        # What was learned may be wrong, so the first step of a tick is never refused for it; what was said is kept.
        wanted = needs or min(self.desk.paces.usual(kind, step) or _PRIOR, _WHOLE * window.length)
        if wanted > window.stop - self.now:
            raise self.stop(Suspend("deadline", need=wanted, doing=step))

    def announce(self, step: StepKey) -> Verb[None]:
        """Has a job that kills its process say which step it begins: a record would come too late. Nobody else pays for it."""
        if self.run.suspect and not self.run.progressed:
            yield Ask(lambda store: store.begins(self.run.job.lease, step))

    def _heard(self) -> Interrupt | None:
        match self.run.word:
            case "lost":
                return LeaseLost("another tick, the reaper or an operator has this job now")
            case "deadline" | "paused" | "stopping" as reason:
                return Suspend(reason, doing=self.run.doing)
        return Suspend("deadline", doing=self.run.doing) if self.now >= self.desk.window().stop else None
