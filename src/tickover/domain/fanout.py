"""Fan-out: strategies, the one decision that tick, cancel and reaper share, and what a handler gets back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from tickover.domain.ids import JobId, StepKey
from tickover.domain.states import State
from tickover.errors import InvalidArgument, JobNotCompleted

R = TypeVar("R", covariant=True)
T = TypeVar("T")
#: More children than this in one fan-out are refused: nest them, or use `ctx.each`.
MOST_CHILDREN: Final = 10_000
Status = Literal["open", "completed", "failed", "timed_out", "cancelled"]
StrategyName = Literal["fail_fast", "collect_all", "threshold"]


@dataclass(frozen=True, slots=True)
class FailFast:
    """Failed at the first child that fails or is cancelled; completed when all have completed."""

    name: StrategyName = field(default="fail_fast", init=False)

    def required(self, total: int) -> int:
        return total


@dataclass(frozen=True, slots=True)
class CollectAll:
    """Completed when all children have ended, however they did."""

    name: StrategyName = field(default="collect_all", init=False)

    def required(self, _total: int) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class Threshold:
    """Completed when all have ended and at least `share` of them completed; failed as soon as that is impossible.

    Args:
        share: 0 to 1; the number of children is rounded up.
    """

    share: float
    name: StrategyName = field(default="threshold", init=False)

    def __post_init__(self) -> None:
        if isinstance(self.share, bool) or not isinstance(self.share, int | float) or math.isnan(self.share):
            raise InvalidArgument(f"Threshold takes a share such as 0.8, not {self.share!r}.")

    def required(self, total: int) -> int:
        # Of 0.28 x 25 floats make 7.000000000000001, and a rounding up of that asks for one success too many.
        return max(0, min(total, math.ceil(round(total * self.share, 9))))


Strategy: TypeAlias = FailFast | CollectAll | Threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The counters of one fan-out, as its row has them."""

    total: int
    done: int
    failed: int
    cancelled: int
    strategy: str
    required: int


def decide_fan_out(tally: Tally) -> Status:
    """What the counters mean: still `open`, `completed` or `failed`. Cancelled children count against success."""
    lost = tally.failed + tally.cancelled
    ended = tally.done + lost
    if tally.strategy == "collect_all":
        return "completed" if ended >= tally.total else "open"
    if tally.total - lost < tally.required:
        return "failed"
    return "completed" if ended >= tally.total else "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOutPlan:
    """A fan-out that is about to be written, with its children, in the transaction that parks their parent."""

    id: str
    parent_id: JobId
    generation: int
    key: StepKey
    strategy: StrategyName
    required: int
    cancel_on_failure: bool
    #: Seconds from the write; None for no limit.
    timeout: float | None
    #: Rows of the enqueue verb, in slot order.
    children: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """How one child ended, as it is recorded."""

    job_id: str
    state: State
    value: str | None
    error: str | None


class Result(Generic[R]):
    """One slot of a fan-out: its value, or the error that stands in its place."""

    __slots__ = ("_value", "error", "index", "job_id")

    def __init__(self, index: int, job_id: str, error: Exception | None = None, *, value: Any = None) -> None:
        #: Place in the list that was fanned out.
        self.index = index
        self.job_id = job_id
        #: None where the slot completed.
        self.error = error
        self._value = value

    @property
    def value(self) -> R:
        """What the child returned; raises `.error` where the slot failed, so that there is no Optional to forget."""
        if self.error is not None:
            raise self.error
        result: R = self._value
        return result

    def __repr__(self) -> str:
        return f"Result({self.index}, {self.error if self.error is not None else self._value!r})"


def values(results: Iterable[Result[T]]) -> list[T]:
    """The values of the slots that completed, in slot order."""
    return [result.value for result in results if result.error is None]


def partition(results: Iterable[Result[T]]) -> tuple[list[Result[T]], list[Result[T]]]:
    """(successes, failures), each in slot order."""
    good: list[Result[T]] = []
    bad: list[Result[T]] = []
    for result in results:
        (good if result.error is None else bad).append(result)
    return good, bad


def all_succeeded(results: Iterable[Result[Any]]) -> bool:
    """Whether every slot completed; true for no slots."""
    return all(result.error is None for result in results)


def success_count(results: Iterable[Result[Any]]) -> int:
    """How many slots completed."""
    return sum(result.error is None for result in results)


def unfinished(job_id: str) -> JobNotCompleted:
    """The error of a slot whose child had not ended when the fan-out was decided."""
    return JobNotCompleted(f"Child {job_id} had not ended when its fan-out was decided.")
