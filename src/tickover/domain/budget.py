"""What one tick may use, and the two instants at which it stops: pure arithmetic on seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tickover.domain.retry import Duration, seconds
from tickover.errors import InvalidArgument

_LONGEST_TICK: Final = 86_400.0
#: Jobs claimed ahead of their slots cover this many seconds of the pace seen so far, and never more than the cap.
_AHEAD_SECONDS: Final = 0.25
_AHEAD_MOST: Final = 2000


class Budget:
    """What a tick may use: seconds to its deadline, number of jobs, safety margin.

    Args:
        seconds: from now to the instant at which the tick must have returned.
        max_jobs: jobs claimed at most; None for no bound.
        margin: seconds before the deadline at which nothing new starts; by default 1.5 s or 5 % of the window,
            whichever is more, at most 10 s and at most a quarter of the window.
    """

    __slots__ = ("margin", "max_jobs", "seconds")

    def __init__(self, duration: Duration, /, *, max_jobs: int | None = None, margin: Duration | None = None) -> None:
        self.seconds = seconds(duration, "Budget", least=0.05, most=_LONGEST_TICK)
        if max_jobs is not None and (isinstance(max_jobs, bool) or not isinstance(max_jobs, int) or max_jobs < 1):
            raise InvalidArgument(f"max_jobs= takes a whole number from 1, not {max_jobs!r}.")
        self.max_jobs = max_jobs
        self.margin = None if margin is None else seconds(margin, "margin", most=self.seconds)

    @classmethod
    def from_lambda(cls, context: Any, /, *, max_jobs: int | None = None) -> Budget:
        """The budget of a Lambda invocation: what its context says is left."""
        return cls(max(0.05, context.get_remaining_time_in_millis() / 1000), max_jobs=max_jobs)

    def __repr__(self) -> str:
        return f"Budget({self.seconds:g}, max_jobs={self.max_jobs}, margin={self.margin})"


@dataclass(frozen=True, slots=True)
class Window:
    """A budget laid on this process's monotonic clock.

    `stop`: from here on nothing new starts. `abandon`: what still runs is given up. `end`: the tick has returned.
    """

    start: float
    stop: float
    abandon: float
    end: float

    @classmethod
    def of(cls, budget: Budget, *, start: float, margin: float | None = None) -> Window:
        """`start` is read *before* the first statement is sent, so that the window can only be too short."""
        wanted = budget.margin if budget.margin is not None else margin
        default = min(10.0, max(1.5, 0.05 * budget.seconds), 0.25 * budget.seconds)
        end = start + budget.seconds
        stop = end - (default if wanted is None else min(wanted, budget.seconds))
        return cls(start, stop, max(stop, end - min(0.5, 0.1 * budget.seconds)), end)

    @property
    def length(self) -> float:
        """Seconds in which jobs may run."""
        return self.stop - self.start

    def cut(self, now: float, grace: float) -> Window:
        """The window after a request to stop: nothing new starts, and what runs has `grace` seconds more."""
        return Window(self.start, min(self.stop, now), min(self.abandon, now + grace), self.end)


def claim_size(*, free: int, ahead: int, pace: float, left: int | None) -> int:
    """How many jobs to claim now.

    Args:
        free: slots with nothing to do.
        ahead: jobs already claimed that wait for a slot.
        pace: jobs per second this tick has settled so far; 0 before the first.
        left: what `max_jobs` still allows; None for no bound.

    A claim costs a round trip, so a tick of millisecond jobs claims ahead; a tick of slow ones claims what it starts,
    since a job that waits in this process is kept from every other tick.
    """
    if free <= 0 and ahead > 0:
        room = min(_AHEAD_MOST, int(pace * _AHEAD_SECONDS)) - ahead
        size = room if room >= ahead else 0  # not in dribbles: each claim is a round trip
    else:
        size = free + max(0, min(_AHEAD_MOST, int(pace * _AHEAD_SECONDS)) - ahead)
    return max(0, size if left is None else min(size, left))


def lease_seconds(*, lease: float, grace: float, left: float) -> float:
    """Seconds a lease lasts from now: never past the tick's deadline plus grace, since a killed tick cannot outlive it."""
    return max(0.05, min(lease, left + grace))
