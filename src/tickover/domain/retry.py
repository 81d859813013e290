"""How long to wait before the next run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from tickover.errors import InvalidArgument

Duration: TypeAlias = timedelta | float
BackoffPolicy: TypeAlias = Callable[[int, BaseException], Duration]

_LONGEST = 10 * 365 * 86_400.0


def seconds(value: Duration, name: str, *, least: float = 0.0, most: float = _LONGEST) -> float:
    """Returns a duration in seconds; raises `InvalidArgument` naming the argument when it is out of range."""
    if isinstance(value, bool) or not isinstance(value, timedelta | int | float):
        raise InvalidArgument(f"{name}= takes seconds or a timedelta, not {value!r}.")
    number = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not least <= number <= most:  # NaN is refused here too: it fails every comparison
        raise InvalidArgument(f"{name}= must be from {least:g} to {most:,.0f} seconds, not {number:g}.")
    return number


@dataclass(frozen=True, slots=True)
class ExponentialBackoff:
    """Before the n-th retry waits min(maximum, initial x factor ** n) seconds, give or take `jitter` (a share).

    Args:
        initial: seconds; with the defaults the waits are 2, 4, 8, … 60 s.
        factor: growth per retry, 1 to 100.
        maximum: seconds, the longest wait.
        jitter: 0 to 1; 0.1 means ± 10 %.
    """

    initial: float = 1.0
    factor: float = 2.0
    maximum: float = 60.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        seconds(self.initial, "initial")
        seconds(self.maximum, "maximum")
        if not 1 <= self.factor <= 100 or not 0 <= self.jitter <= 1:
            raise InvalidArgument("A backoff takes a factor from 1 to 100 and a jitter from 0 to 1.")

    def delay(self, retry: int, *, dice: float) -> float:
        """Seconds before the `retry`-th retry (1 is the first); `dice` in [0, 1) decides the jitter. Never negative."""
        if self.initial <= 0 or self.maximum <= 0:
            return 0.0
        # In logarithms: 2 ** 10_000 has no float, the wait before the 10,000th retry has.
        grown = math.log(self.initial) + retry * math.log(self.factor)
        base = self.maximum if grown >= math.log(self.maximum) else math.exp(grown)
        return max(0.0, base * (1 + self.jitter * (2 * dice - 1)))


DEFAULT_BACKOFF = ExponentialBackoff()


def crash_delay(streak: int) -> float:
    """Seconds before a crashed job is claimed again: longer than a failure's, since a crash takes others with it."""
    return float(min(300, 2 * 2 ** min(streak, 10)))


def deferral_delay(deferrals: int) -> float:
    """Seconds before a job of an unknown kind is looked at again: 10 s, doubling up to an hour."""
    return float(min(3600, 10 * 2 ** min(deferrals, 12)))


def deferred_for(deferrals: int) -> float:
    """Seconds that so many deferrals have waited together, at the least."""
    return sum(deferral_delay(n) for n in range(deferrals))
