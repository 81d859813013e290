"""One job: bind its payload, call its function, turn what happened into an outcome. Runs on a worker thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final

from tickover.domain.outcome import Completed, Failed, Outcome, OutOfTime, Parked, Released, UnknownKind
from tickover.domain.payload import safe_text
from tickover.domain.retry import seconds
from tickover.engine.drive import TimedOut
from tickover.engine.facts import JobContext
from tickover.engine.failure import describe, kind_of, step_error
from tickover.engine.interrupt import Interrupt, Suspend
from tickover.engine.loop import EventLoop
from tickover.engine.run import Run
from tickover.engine.running import running
from tickover.errors import NonDeterminism, PayloadError, StepFailed

Middleware = Callable[[Any], Iterator[None]]
_log: Final = logging.getLogger("tickover.job")


def execute(
    run: Run, context: JobContext, *, loop: EventLoop, middleware: list[Middleware]
) -> tuple[Outcome, BaseException | None]:
    """Runs a job to its outcome; whatever user code does, this returns."""
    kind = run.kind
    if kind is None or kind.remote:
        return UnknownKind(known_elsewhere=True), None
    try:
        if run.job.unreadable is not None:
            raise PayloadError(run.job.unreadable)  # noqa: TRY301  # the run's own failure, with its retries: a key may come
        arguments = kind.bind(run.job.args)
        args = (context,) if kind.takes_context else ()
        call = partial(kind.fn, *args, **arguments)
        if kind.is_async:
            value = _call_async(run, context, call, loop=loop, middleware=middleware)
        else:
            value = _call(context, call, middleware)
    except Interrupt as interrupt:
        return _interrupted(interrupt), None
    except BaseException as error:  # noqa: BLE001  # SystemExit and MemoryError are failures of the job, not of the tick
        return _ended(run, context.flow.stopped or error)
    finally:
        context.close()
    if (stopped := context.flow.stopped or _left_out(run, context)) is not None:
        return _ended(run, stopped)  # the handler swallowed it; what it returned is ignored
    try:
        return Completed(kind.result_text(value)), None
    except BaseException as error:  # noqa: BLE001  # a serialiser of the user's may raise anything
        told = f"the result cannot be stored: {describe(error)}"
        return Failed(safe_text(told), kind_of(error), retry=False), error


def _call(context: JobContext, call: Callable[[], Any], middleware: list[Middleware]) -> Any:
    token = running.set(context)
    try:
        if not middleware:  # two context managers cost more than a short job
            return call()
        with _around(context, middleware):
            return call()
    finally:
        running.reset(token)


def _call_async(
    run: Run,
    context: JobContext,
    call: Callable[[], Coroutine[Any, Any, Any]],
    *,
    loop: EventLoop,
    middleware: list[Middleware],
) -> Any:
    async def body() -> Any:
        running.set(context)  # the task's own copy of the context variables
        with _around(context, middleware):
            limit = asyncio.timeout(run.timeout)
            try:
                async with limit:
                    return await call()
            except TimeoutError as error:
                if limit.expired():
                    raise TimedOut(f"timed out after {run.timeout:g} s") from error
                raise
            except asyncio.CancelledError:
                context.flow.boundary()  # we cancelled it: say why in our own words
                raise

    return loop.run(body, run)


@contextmanager
def _around(context: JobContext, middleware: list[Middleware]) -> Iterator[None]:
    """The middleware around a run, the first registered outermost."""
    with ExitStack() as stack:
        for layer in middleware:
            stack.enter_context(contextmanager(layer)(context))
        yield


def _ended(run: Run, why: BaseException) -> tuple[Outcome, BaseException | None]:
    return (_interrupted(why), None) if isinstance(why, Interrupt) else (failure(run, why), why)


def _interrupted(interrupt: Interrupt) -> Outcome:
    if isinstance(interrupt, Suspend) and interrupt.park is not None:
        return Parked(interrupt.park)
    if isinstance(interrupt, Suspend) and interrupt.reason == "deadline":
        # The tick's thread knows the window and whether anything was recorded: it completes this.
        return OutOfTime(progressed=False, elapsed=0.0, window=0.0, doing=interrupt.doing, need=interrupt.need)
    return Released(str(interrupt))


def _left_out(run: Run, context: JobContext) -> NonDeterminism | None:
    """In `strict` mode a replay must take every recorded step; elsewhere one that is left out is nobody's fault."""
    if run.job.determinism != "strict" or not (run.recorded or context.flow.used):
        return None
    missing = context.flow.journal.unreached()
    if not missing:
        return None
    return context.flow.journal.diverged(f"recorded and left out: {', '.join(missing[:10])}.")


def failure(run: Run, error: BaseException) -> Failed:
    """The outcome of a run that raised. `NoRetry` wins over `RetryAfter`, wherever in the chain they are."""
    told = step_error(error)
    missing = isinstance(error, PayloadError) and run.job.args is None and run.job.unreadable is None
    if not told.retry or missing:  # no later run will find a payload that is not there
        return Failed(told.message, told.kind, retry=False)
    return Failed(told.message, told.kind, delay=told.after if told.after is not None else _policy_delay(run, error))


def _policy_delay(run: Run, error: BaseException) -> float | None:
    """What a backoff function of the registration says; None when there is none, or when it raises."""
    policy = run.kind.options.get("backoff") if run.kind is not None else None
    if not callable(policy):
        return None
    if isinstance(error, StepFailed) and error.__cause__ is not None:
        error = error.__cause__  # what the step raised, as if the handler had
    try:
        return seconds(policy(run.job.failures - run.job.forgiven + 1, error), "backoff")
    except Exception:  # noqa: BLE001  # logged; the user's policy must not decide whether the failure is recorded
        _log.exception("the backoff function of %r failed; the default is used", run.job.kind, extra=run.job.log_fields)
        return None
