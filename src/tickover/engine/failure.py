"""What an exception of user code means, for a run and for a step: one reading of it."""

from __future__ import annotations

from typing import TypeVar

from tickover.domain.checkpoint import StepError
from tickover.domain.payload import safe_text
from tickover.errors import FanOutFailed, InvalidArgument, NonDeterminism, NoRetry, RetryAfter, StepFailed

E = TypeVar("E", bound=BaseException)
#: Ours, told by their bare names.
_PLAIN_MODULES = ("builtins", "tickover.errors", "tickover.engine.drive")
#: What no further run changes, whatever else is in the chain.
_FINAL = (NoRetry, FanOutFailed, NonDeterminism)


def step_error(error: BaseException) -> StepError:
    """An exception as data. `NoRetry` wins over `RetryAfter`, wherever in the chain they are."""
    told = error if isinstance(error, StepFailed) else None
    after = find(error, RetryAfter)
    final = any(find(error, kind) is not None for kind in _FINAL)
    # The same code calls us wrongly again (0031), unless a handler knows better.
    final = final or (after is None and find(error, InvalidArgument) is not None)
    return StepError(
        kind=told.error_kind if told is not None else kind_of(error),
        message=safe_text(describe(error)),
        retry=not final,
        after=None if final or after is None else after.delay,
    )


def step_failed(step: str, error: StepError) -> StepFailed:
    """The exception of a recorded failure: what it was chained from is there again as far as the engine asks for it."""
    failed = StepFailed(step, error.kind, error.message)
    if not error.retry:
        failed.__cause__ = NoRetry(error.message)
    elif error.after is not None:
        failed.__cause__ = RetryAfter(error.after, error.message)
    return failed


def find(error: BaseException, wanted: type[E]) -> E | None:
    """The first exception of this type in the chain of causes, contexts and groups."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        if isinstance(one, wanted):
            return one
        seen.add(id(one))
        if isinstance(one, BaseExceptionGroup):
            todo.extend(one.exceptions)
        todo += [None if one.__suppress_context__ else one.__context__, one.__cause__]
    return None


def describe(error: BaseException) -> str:
    """The message of an exception without secrets, even of one whose `__str__` raises."""
    from tickover.domain.redact import redact  # twenty patterns to compile, for what a job that succeeds never needs

    try:
        return redact(str(error)) or type(error).__name__
    except Exception:  # noqa: BLE001  # a message must never be able to fail the failing
        return f"{type(error).__name__} (its message could not be made)"


def kind_of(error: BaseException) -> str:
    """The name of an exception's type, with its module where it is not ours or Python's."""
    cls = type(error)
    return cls.__qualname__ if cls.__module__ in _PLAIN_MODULES else f"{cls.__module__}.{cls.__qualname__}"
