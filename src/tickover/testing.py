"""The test kit for users: an application on a database in memory and a clock that only a test moves.

`with in_memory(jobs) as kit:` takes the place of store, clock and waker of an application that exists; the code under
test knows nothing of it. Afterwards everything is as it was.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from tickover.app import Tickover
from tickover.app.handler import Handler
from tickover.app.ticking import add_report
from tickover.clock import FrozenClock, SystemClock, monotonic
from tickover.domain.budget import Budget
from tickover.domain.ids import new_id
from tickover.domain.job_view import Job
from tickover.domain.report import TickReport
from tickover.domain.retry import Duration
from tickover.domain.states import TERMINAL
from tickover.engine.inbox import Ask
from tickover.engine.registry import Kind
from tickover.engine.running import running
from tickover.errors import ConfigurationError, InvalidArgument, JobNotCompleted, ScheduleError
from tickover.store.open import KeptLinks
from tickover.store.pool import Pool

P = ParamSpec("P")
T = TypeVar("T")

_BUDGET: Final = 55.0
#: Real seconds after which a drain that never comes to an end is called one.
_LONGEST_DRAIN: Final = 120.0
_PAGE: Final = 1000
#: Real seconds for which a tick is waited for to see what a job's own `advance` means to it.
_LOOK: Final = 1.0


class Clock(FrozenClock):
    """Time as the application under test sees it: stands still until `advance` moves it."""

    def __init__(self, now: datetime | None = None) -> None:
        instant = (now or SystemClock().now()).astimezone(UTC)
        # As the database keeps it: what a test reads back is what the clock said.
        super().__init__(instant.replace(microsecond=instant.microsecond // 1000 * 1000))

    def advance(
        self, duration: timedelta | float = 0, /, *, days: float = 0, hours: float = 0, seconds: float = 0
    ) -> None:
        """Moves time forward by the sum of the arguments (a plain number means seconds); runs nothing.

        Called by a job, it is a job that takes so long: one that has a `timeout` may have timed out when this returns,
        and then it does not return.

        Raises:
            InvalidArgument: that would be backwards.
        """
        super().advance(duration, days=days, hours=hours, seconds=seconds)
        context = running.get()
        if context is None:
            return
        # The tick looks at the time after each set of its inbox: the first answer is given before that look, the
        # second one after it. Bounded, because a job in a transaction may keep the tick from answering.
        for _ in range(2):
            ask = Ask(lambda _store: None)
            context.flow.desk.inbox.hand_in(ask)  # `ask()` would wait for ever
            try:
                ask.answer.result(timeout=_LOOK)
            except TimeoutError:
                break
        context.flow.alive()  # raises in a run that was given up meanwhile


class Kit:
    """What a test does with an application under `in_memory`."""

    def __init__(self, jobs: Tickover, clock: Clock) -> None:
        #: The application's time.
        self.clock = clock
        self._jobs = jobs
        self._originals = ExitStack()

    def drain(self, *, budget: Budget | Duration = _BUDGET) -> TickReport:
        """Everything that is due has run: schedules, lost leases, jobs and what they enqueued. Moves no time.

        Args:
            budget: what each tick may use, as in production: a workflow that is longer goes on in the next one.

        Returns:
            The sum of all reports.

        Raises:
            JobNotCompleted: jobs are due still after two minutes of real time.
        """
        total = TickReport(tick_id=new_id(), trigger="test")
        end = monotonic() + _LONGEST_DRAIN
        self._fire(total)
        while self._turn(total, budget).more:
            if monotonic() > end:
                raise JobNotCompleted(
                    f"Jobs are still due after {_LONGEST_DRAIN:.0f} s of drain(): does one enqueue itself without end?"
                )
        return total

    def run(self, handler: Handler[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Enqueues a job, runs it to its end, and returns what it returned, as its annotation says.

        Where it waits for time (a retry, a timer, the timeout of a wait), the clock is moved to that instant. Schedules
        fire in `drain` only.

        Raises:
            JobFailedError, JobCancelledError: it ended otherwise.
            JobNotCompleted: it waits for what time does not bring, such as a signal.
        """
        job_id = handler.enqueue(*args, **kwargs)
        report = TickReport(tick_id=new_id(), trigger="test")
        while (job := self._jobs.get(job_id)).state not in TERMINAL:
            before = report.claimed + report.reaped
            turn = self._turn(report, _BUDGET)
            ran = turn.more or report.claimed + report.reaped > before
            if not ran and not self._wait_until(turn.next_due_at):
                raise JobNotCompleted(_why_not(self._jobs.get(job.id)))
        return handler.result(job_id)

    def enqueued(self, handler: Handler[..., Any] | None = None) -> list[Job]:
        """Every job that was enqueued in this block, whatever became of it, in the order in which it was.

        Args:
            handler: only the jobs of this one.
        """
        found: list[Job] = []
        cursor: str | None = None
        kind = None if handler is None else handler.name
        while True:
            page = self._jobs.find(kind=kind, limit=_PAGE, cursor=cursor)
            found += page
            cursor = page.next_cursor
            if cursor is None:
                return found[::-1]

    def replace(self, handler: Handler[P, T], fake: Callable[P, T], /) -> None:
        """Until the block ends `fake` runs instead of the handler's function: as a job, and where a workflow calls it.

        It gets the payload's arguments and no context. Arguments and result are validated as before; a remote handler
        runs here. A fake of an `async def` handler may be either kind of function.

        Raises:
            InvalidArgument: an `async def` fake of a `def` handler.
        """
        kind = handler.kind
        if inspect.iscoroutinefunction(fake) and not kind.is_async:
            raise InvalidArgument(f"{kind.name!r} is a def handler: its fake is a def too.")
        before = (kind.fn, kind.takes_context, kind.options)
        kind.fn, kind.takes_context = _stand_in(kind, fake), False
        kind.options = {name: value for name, value in kind.options.items() if name != "remote"}
        self._originals.callback(_put_back, kind, *before)

    def restore(self) -> None:
        """Every replaced handler is itself again."""
        self._originals.close()

    def _turn(self, total: TickReport, budget: Budget | Duration) -> TickReport:
        add_report(total, self._jobs.run_reaper(budget))
        report = self._jobs.tick(budget, trigger="test")
        add_report(total, report)
        return report

    def _fire(self, total: TickReport) -> None:
        add_report(total, self._jobs.run_scheduler(_BUDGET))

    def _wait_until(self, at: datetime | None) -> bool:
        """Moves the clock to an instant; returns whether it lay ahead."""
        if at is None or at <= self.clock.now():
            return False
        self.clock.advance(at - self.clock.now())
        return True


@contextmanager
def in_memory(jobs: Tickover, /, *, now: datetime | None = None) -> Iterator[Kit]:
    """Inside the block the application has an empty, migrated SQLite database in memory, and a clock that stands still.

    Wakes go nowhere: a test says itself when something runs.

    Args:
        jobs: the application; handlers, hooks, middleware and settings stay as they are.
        now: the instant at which the clock stands, aware; default is the real one.

    Raises:
        InvalidArgument: `now` is naive.
        ConfigurationError: called inside a job.
    """
    if now is not None and now.tzinfo is None:
        raise InvalidArgument(f"now= takes an aware datetime, such as datetime(2030, 1, 1, tzinfo=UTC), not {now!r}.")
    if running.get() is not None:
        raise ConfigurationError("in_memory() was called inside a job; open the block around it.")
    core = jobs._core  # noqa: SLF001  # the one place that takes an application apart; it is put together again below
    before = core.database, core.clock, core.waker, core.ticked
    clock = Clock(now)
    database = _InMemory(clock)
    kit = Kit(jobs, clock)
    core.database, core.clock, core.waker, core.ticked = database, clock, None, False
    try:
        jobs.migrate()
        with suppress(ScheduleError):  # one that cannot fire is told by `drain`, which fires
            jobs.run_scheduler(_BUDGET)  # from now on slots count: what the test's time passes is due
        yield kit
    finally:
        kit.restore()
        core.database, core.clock, core.waker, core.ticked = before
        database.end()


class _InMemory(KeptLinks):
    """A database that lasts as long as the block, also when the code under test closes its application."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("sqlite", ":memory:", Pool(), clock)

    def close(self) -> None:
        """The data would be gone; `end` closes it."""

    def end(self) -> None:
        super().close()


def _stand_in(kind: Kind, fake: Callable[..., Any]) -> Callable[..., Any]:
    """A function that the engine can call as it calls the original, by parameter names; the fake's may be others."""
    signature = kind.signature  # before the kind has another function

    def called(arguments: dict[str, Any]) -> Any:
        bound = signature.bind(**arguments)
        bound.apply_defaults()
        return fake(*bound.args, **bound.kwargs)

    if not kind.is_async:

        @wraps(kind.fn)
        def stand_in(**arguments: Any) -> Any:
            return called(arguments)

        return stand_in

    @wraps(kind.fn)
    async def async_stand_in(**arguments: Any) -> Any:
        value = called(arguments)
        return await value if inspect.isawaitable(value) else value

    return async_stand_in


def _put_back(kind: Kind, fn: Callable[..., Any], takes_context: bool, options: Mapping[str, Any]) -> None:  # noqa: FBT001  # a field of the kind
    kind.fn, kind.takes_context, kind.options = fn, takes_context, options


def _why_not(job: Job) -> str:
    waits = f", waiting for {job.wait_kind} {job.wait_ref or ''}".rstrip() if job.wait_kind else ""
    return (
        f"Job {job.id} ({job.kind}) is {job.state}{waits}, and no passing of time ends that: enqueue() it, drain(), do "
        "what it waits for, and drain() again."
    )


class FakeLambdaContext:
    """What Lambda passes to a handler, for calling one without Lambda; `fake_lambda_context` makes it."""

    function_name = "tick"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:tick"
    memory_limit_in_mb = "512"
    log_group_name = "/aws/lambda/tick"
    log_stream_name = "2030/01/01/[$LATEST]0123456789abcdef0123456789abcdef"
    identity = None
    client_context = None

    def __init__(self, seconds: float) -> None:
        self.aws_request_id = new_id()
        self._end = monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds that are left of the invocation, in real time; 0 when it is over."""
        return max(0, int(1000 * (self._end - monotonic())))


def fake_lambda_context(seconds: float = 60) -> FakeLambdaContext:
    """A Lambda context of an invocation that has so many seconds left from now."""
    return FakeLambdaContext(seconds)


__all__ = ["Clock", "FakeLambdaContext", "Kit", "fake_lambda_context", "in_memory"]
