"""What an `async def` handler gets as its first parameter when it asks for it by annotation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, Self, TypeAlias, TypeVar, Unpack, overload

from typing_extensions import TypeForm

from tickover.engine.facts import JobContext
from tickover.engine.typed import NOTHING, Typed

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tickover.app.handler import Handler
    from tickover.app.newjob import NewJob
    from tickover.domain.fanout import Result, Strategy
    from tickover.domain.retry import Duration
    from tickover.engine.callback import AsyncCallback
    from tickover.engine.each import Each
    from tickover.engine.step_options import FanOutOptions, StepOptions

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C")
S = TypeVar("S")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
#: A real coroutine, so that both type checkers report a forgotten await.
Co: TypeAlias = Coroutine[Any, Any, T]
_UNSAID: Any = NOTHING


class AsyncContext(JobContext):
    """The verbs of `Context`, awaited. A step's key is given out when its coroutine is made. Each verb is a boundary at which a cancel, a pause or the deadline can end the run."""

    is_async: ClassVar[bool] = True

    def using(self, **options: Unpack[StepOptions]) -> Self:
        """The same context with options for its next call, step or transaction.

        Raises:
            InvalidArgument: an unknown option, or a value out of range.
        """
        from tickover.engine import verbs

        return type(self)(self.flow, self.frame, verbs.check_step_options(options))

    @overload
    def call(self, handler: Handler[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Co[T]: ...
    @overload
    def call(self, kind: str, payload: object = ..., /, *, returns: TypeForm[T]) -> Co[T]: ...
    def call(self, what: Any, /, *args: Any, returns: Any = _UNSAID, **kwargs: Any) -> Any:
        """Runs another handler here, once: its result is recorded, and every replay gets it from the record.

        Raises:
            StepFailed: it failed; chained from the original on the first run, equal at every replay.
            PayloadError, HandlerNotFound, InvalidArgument: it cannot be called like this.
        """
        from tickover.engine import verbs

        return verbs.drive_async(
            self, verbs.take_step(self, verbs.plan_call(self, what, args, kwargs, returns=returns))
        )

    @overload
    def step(self, name: str, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> Co[T]: ...
    @overload
    def step(self, name: str, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Co[T]: ...
    def step(self, name: str, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Runs a function, `def` (in a thread) or `async def`, once: its result is recorded and decoded by its return annotation.

        Raises:
            StepFailed: it failed; chained from the original on the first run, equal at every replay.
        """
        from tickover.engine import verbs

        return verbs.drive_async(self, verbs.take_step(self, verbs.plan_step(self, name, fn, args, kwargs)))

    def transaction(
        self, name: str, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Co[T]:
        """Runs `fn(connection, …)` in a transaction of its own that also records its result: both stay, or neither.

        The job's lease is checked in the same commit, so a run that lost its job leaves nothing behind. On SQLite the
        tick writes nothing meanwhile, for `transaction_timeout` at most.
        """
        from tickover.engine import verbs

        return verbs.drive_async(self, verbs.take_step(self, verbs.plan_transaction(self, name, fn, args, kwargs)))

    def enqueue(self, new: NewJob[Any], /) -> Co[str]:
        """Writes another job, once per run of this workflow; returns its id, the same at every replay.

        Raises:
            DuplicateJob: its unique key is held.
        """
        from tickover.engine import verbs

        return verbs.drive_async(self, verbs.enqueue(self, new))

    def fan_out(
        self, new: Iterable[NewJob[T]], strategy: Strategy | None = None, /, **options: Unpack[FanOutOptions]
    ) -> Co[list[Result[T]]]:
        """Runs jobs as children, anywhere, and waits for them without a slot; returns their slots in order.

        Args:
            new: at most 10,000 jobs.
            strategy: `FailFast()` (default), `CollectAll()` or `Threshold(share)`.
            options: what the jobs do not say themselves; `timeout` is that of the whole fan-out.

        Raises:
            FanOutFailed: the strategy cannot be met, or the time is over; `.results` has every slot.
        """
        from tickover.engine import verbs

        return verbs.drive_async(
            self, verbs.fan_out(self, verbs.listed(new), strategy, verbs.check_fan_out_options(options))
        )

    def each(
        self, name: str, fetch: Callable[[C], Awaitable[tuple[Sequence[T], C | None]]], /, *, start: C, state: S
    ) -> Each[T, S]:
        """Pages of items that may take many ticks: `async for items in pages:`, with `pages.state` kept between pages.

        Args:
            name: names the step.
            fetch: gets a cursor, returns (items, next cursor); None as next cursor ends it.
            start: the first cursor.
            state: the first value of `.state`; JSON types, or any type pydantic can validate.
        """
        from tickover.engine import verbs

        self.flow.boundary()
        return verbs.Each(self, name, fetch, start=start, state=state)

    def sleep(self, duration: Duration, /) -> Co[None]:
        """Returns when so many seconds have passed since this line ran first; the job keeps no slot meanwhile."""
        from tickover.engine import verbs

        return verbs.drive_async(self, verbs.waits.sleep(self, duration=duration))

    def sleep_until(self, at: datetime, /) -> Co[None]:
        """Returns when this aware instant has come; the job keeps no slot meanwhile."""
        from tickover.engine import verbs

        return verbs.drive_async(self, verbs.waits.sleep(self, until=at))

    @overload
    def wait_for_signal(self, name: str, /, *, returns: TypeForm[T]) -> Co[T]: ...
    @overload
    def wait_for_signal(self, name: str, /, *, returns: TypeForm[T], timeout: Duration) -> Co[T | None]: ...
    def wait_for_signal(self, name: str, /, *, returns: Any = Any, timeout: Duration | None = None) -> Any:
        """The payload of the oldest unread signal of this name, read once; None when the timeout ran out first.

        Raises:
            SignalError: the name cannot be one.
            PayloadError: the payload is not what `returns` says.
        """
        from tickover.engine import verbs

        return verbs.drive_async(
            self, verbs.waits.wait_for_signal(self, name, Typed(returns, f"signal {name!r}"), timeout)
        )

    def check_signal(self, name: str, /, *, returns: TypeForm[T]) -> Co[T | None]:
        """The oldest unread signal of this name, or None, without waiting; every replay gets the same."""
        from tickover.engine import verbs

        return verbs.drive_async(self, verbs.waits.check_signal(self, name, Typed(returns, f"signal {name!r}")))

    def drain_signals(self, name: str, /, *, returns: TypeForm[T]) -> Co[list[T]]:
        """Every unread signal of this name, oldest first, without waiting; every replay gets the same."""
        from tickover.engine import verbs

        return verbs.drive_async(self, verbs.waits.drain_signals(self, name, Typed(returns, f"signal {name!r}")))

    @overload
    def callback(self, name: str, /, *, returns: TypeForm[T]) -> Co[AsyncCallback[T]]: ...
    @overload
    def callback(self, name: str, /, *, returns: TypeForm[T], timeout: Duration) -> Co[AsyncCallback[T | None]]: ...
    def callback(self, name: str, /, *, returns: Any = Any, timeout: Duration | None = None) -> Any:
        """A signed address for one answer from outside: hand out `.url`, then `.wait()`.

        Raises:
            ConfigurationError: no `secret` is set to sign it with.
        """
        from tickover.engine import verbs

        opening = verbs.drive_async(self, verbs.waits.open_callback(self, name, returns, timeout))

        async def opened() -> verbs.AsyncCallback[Any]:
            return verbs.AsyncCallback(self, await opening, Typed(returns, f"callback {name!r}"))

        return opened()

    @overload
    def gather(self, a: Co[T1], b: Co[T2], /) -> Co[tuple[T1, T2]]: ...  # pyright: ignore[reportOverlappingOverload]  # the pair keeps both types
    @overload
    def gather(self, *steps: Co[T]) -> Co[list[T]]: ...
    def gather(self, *steps: Any) -> Any:
        """Runs sibling steps and calls at once, each recorded; returns their values in order.

        Raises:
            StepFailed: the first failure in the order of the siblings, after all of them have ended.
        """
        from tickover.engine import verbs

        async def gathered() -> Any:
            values = await verbs.together(self, steps)
            return tuple(values) if len(values) == 2 else values

        return gathered()

    def check(self) -> Co[None]:
        """A boundary: returns, or ends the run because it was cancelled, paused, lost, or is out of time."""

        async def boundary() -> None:
            self.flow.boundary()

        return boundary()
