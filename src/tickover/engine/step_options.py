"""Options of one step and of one fan-out, checked where they are said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from tickover.domain.options import JobOptions, check_enqueue_options
from tickover.domain.retry import BackoffPolicy, Duration, ExponentialBackoff, seconds
from tickover.errors import InvalidArgument


class StepOptions(TypedDict, total=False):
    """What `ctx.using(…)` takes: options of the next call, step or transaction."""

    #: Tries after the first one; default 0.
    retries: int
    #: Seconds one try may take; default none.
    timeout: Duration
    #: Seconds that must be left to start it; default what such steps usually took.
    needs: Duration
    #: The wait before each retry.
    backoff: ExponentialBackoff | BackoffPolicy


class FanOutOptions(JobOptions, total=False):
    """What `ctx.fan_out(…)` takes besides the jobs and the strategy; `timeout` is that of the whole fan-out."""

    #: Whether children that still run are cancelled when the fan-out has failed.
    cancel_on_failure: bool


_STEP: Final = frozenset(StepOptions.__annotations__)
_FAN_OUT: Final = frozenset(FanOutOptions.__annotations__)


def check_step_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Checks what `ctx.using(…)` was given; returns it with durations in seconds.

    Raises:
        InvalidArgument: an unknown option, or a value out of range.
    """
    if unknown := sorted(set(options) - _STEP):
        raise InvalidArgument(
            f"ctx.using has no option {', '.join(unknown)}; it takes {', '.join(sorted(_STEP))}. Options of a job belong "
            "to .using(…) of its handler."
        )
    checked = {name: value for name, value in options.items() if value is not None}
    if "retries" in checked and (isinstance(checked["retries"], bool) or not isinstance(checked["retries"], int)
                                 or not 0 <= checked["retries"] <= 1000):  # fmt: skip
        raise InvalidArgument(f"retries= takes a whole number from 0 to 1000, not {checked['retries']!r}.")
    for name in ("timeout", "needs"):
        if name in checked:
            checked[name] = seconds(checked[name], name, least=0.001)
    backoff = checked.get("backoff")
    if backoff is not None and not isinstance(backoff, ExponentialBackoff) and not callable(backoff):
        raise InvalidArgument(f"backoff= takes ExponentialBackoff(…) or a function (n, error), not {backoff!r}.")
    return checked


def check_fan_out_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Checks what `ctx.fan_out(…)` was given; returns it with every value in its stored form."""
    if unknown := sorted(set(options) - _FAN_OUT):
        raise InvalidArgument(
            f"ctx.fan_out has no option {', '.join(unknown)}; it takes {', '.join(sorted(_FAN_OUT))}, and a strategy as "
            "its second argument. Options of one child belong to .using(…) of its handler."
        )
    cancels = options.get("cancel_on_failure", False)
    if not isinstance(cancels, bool):
        raise InvalidArgument(f"cancel_on_failure= is True or False, not {cancels!r}.")
    rest = {name: value for name, value in options.items() if name != "cancel_on_failure"}
    return {**check_enqueue_options(rest), "cancel_on_failure": cancels}
