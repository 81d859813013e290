"""How long an invocation may take, when its context and this process's clock may disagree."""

from __future__ import annotations

from typing import Any

from tickover.domain.budget import Budget

_least_seen: float | None = None
#: Two invocations of one process may differ by this much in what is left when the handler is called.
_TOLERANCE = 1.0


def budget_of(context: Any, *, max_jobs: int | None = None) -> Budget:
    """The budget of an invocation: what its context says is left, and never more than it was in an earlier one.

    The context subtracts this machine's wall clock from the platform's deadline, so a clock that was set back promises
    time that the platform will not give. Within one tick only the monotonic clock counts, from this call on.
    """
    global _least_seen  # noqa: PLW0603  # one process is one execution environment of one function
    budget = Budget.from_lambda(context, max_jobs=max_jobs)
    if _least_seen is not None and budget.seconds > _least_seen + _TOLERANCE:
        budget = Budget(_least_seen + _TOLERANCE, max_jobs=max_jobs)
    _least_seen = budget.seconds if _least_seen is None else min(_least_seen, budget.seconds)
    return budget


def forget() -> None:
    """As in a new process."""
    global _least_seen  # noqa: PLW0603  # see above
    _least_seen = None
