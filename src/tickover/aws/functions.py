"""The five functions: each makes a handler of one application, and each handler is one bounded piece of work."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from tickover.app import Tickover, ticking, waking
from tickover.aws import door, events, metrics
from tickover.aws.budget import budget_of
from tickover.aws.price import price_of
from tickover.domain.budget import Budget
from tickover.domain.report import TickReport
from tickover.engine.wake import Note, Sender
from tickover.errors import InvalidArgument, ScheduleError, StorageUnavailable
from tickover.store.migrate import HEAD
from tickover.store.open import load_driver

Handler: TypeAlias = Callable[[Any, Any], Any]
_log: Final = logging.getLogger("tickover")
#: A connection is kept for work that comes within a minute; a frozen process that holds one keeps a database awake.
_NEAR: Final = timedelta(seconds=60)


def tick_handler(jobs: Tickover, *, max_jobs: int | None = None) -> Handler:
    """The handler that claims and runs jobs, whatever woke it: a timer, an invocation, a batch of messages, HTTP.

    It returns the report; for a batch the messages that are no wakes, for HTTP a response. An event that is none of
    these raises `InvalidArgument`, and a database that cannot be reached raises `StorageUnavailable`, after another
    tick was asked for.
    """
    _get_ready(jobs)

    def tick(event: Any, context: Any) -> Any:
        budget = budget_of(context, max_jobs=max_jobs)  # first: what is read afterwards only makes it too short
        said = events.read(event)
        if said.request is not None and (refused := door.refusal(jobs.settings, said.request)) is not None:
            return refused
        try:
            said = events.with_note(said)
        except InvalidArgument as error:
            return door.answer(400, str(error))
        report = _ticked(jobs, budget, said, context)
        metrics.of_tick(report, context)
        _rest(jobs, report)
        _leave_no_thread(report)
        if said.strangers:
            _log.error("%d messages of the wake queue are no wakes", len(said.strangers))
        if said.source == "sqs":
            return {"batchItemFailures": [{"itemIdentifier": one} for one in said.strangers]}
        return _response(report) if said.request is not None else report.to_json()

    return tick


def scheduler_handler(jobs: Tickover) -> Handler:
    """The handler that fires what is due by schedule, and asks to be woken at the next slot."""
    _get_ready(jobs)

    def scheduler(_event: Any, context: Any) -> Any:
        with _never_silenced(jobs, context):
            report = jobs.run_scheduler(budget_of(context))
        _wake_again(jobs, context, report.next_due_at)
        _rest(jobs, report)
        return report.to_json()

    return scheduler


def reaper_handler(jobs: Tickover) -> Handler:
    """The handler that takes back what was lost, wakes waiters and prunes, and tells CloudWatch how things are."""
    _get_ready(jobs)

    def reaper(_event: Any, context: Any) -> Any:
        with _never_silenced(jobs, context):
            report = jobs.run_reaper(budget_of(context))
        if report.more or report.reaped:
            jobs.wake()
        _wake_again(jobs, context, report.next_due_at)
        metrics.of_health(jobs.health(), context)
        _rest(jobs, report)
        return report.to_json()

    return reaper


def migrate_handler(jobs: Tickover) -> Handler:
    """The handler that the deployment invokes: it brings the tables to this version, and says which that is."""

    def migrate(_event: Any, _context: Any) -> Any:
        jobs.migrate()
        jobs.close()
        return {"version": HEAD}

    return migrate


def web_handler(jobs: Tickover, *, app: Any = None) -> Handler:
    """The handler of the web function: Mangum around `app`, by default all that `tickover.web` has.

    Anything but an HTTP request is refused with a sentence.
    """
    from mangum import Mangum

    # Startup and shutdown would run with every request.
    serve = Mangum(app if app is not None else _default_app(jobs), lifespan="off")

    def web(event: Any, context: Any) -> Any:
        if events.read(event).request is None:
            raise InvalidArgument(
                "This is the web function: it answers HTTP requests. A wake goes to the tick function."
            )
        return serve(event, context)

    return web


def _get_ready(jobs: Tickover) -> None:
    """Lambda starts a process at full speed and runs it at its memory's share: what every event needs is imported now."""
    load_driver(jobs._core.database.dialect)  # noqa: SLF001  # as above


def _ticked(jobs: Tickover, budget: Budget, said: events.Said, context: Any) -> TickReport:
    core = jobs._core  # noqa: SLF001  # the function's name and the wake's note are no part of the public tick
    try:
        report = ticking.tick(
            core, budget, queues=None, concurrency=None, stop=None, trigger=said.trigger,
            function=context.function_name, note=said.note, price=price_of(core.settings, context),
        )  # fmt: skip
    except StorageUnavailable:
        waking.in_distress(core, said.note)
        raise
    if report.stopped_because == "error":
        waking.in_distress(core, said.note)
    return report


@contextmanager
def _never_silenced(jobs: Tickover, context: Any) -> Iterator[None]:
    """A function that nothing else wakes asks for its next time also when this one goes wrong."""
    core = jobs._core  # noqa: SLF001  # as above
    try:
        yield
    except ScheduleError:  # of one or some, after all others had their turn: their next slot comes all the same
        now, ours = core.clock.now(), core.schedules
        slots = [one.next_at for one in jobs.schedules() if one.name in ours and not one.paused]
        _wake_again(jobs, context, min((at for at in slots if at is not None and at > now), default=None))
        raise
    except StorageUnavailable:
        if (waker := _aimed(jobs, context)) is not None:
            waking.in_distress(core, Note(), waker)
        raise


def _wake_again(jobs: Tickover, context: Any, at: datetime | None) -> None:
    """Where nothing ticks by itself, a function that knows its next instant asks for it."""
    if at is not None and (waker := _aimed(jobs, context)) is not None:
        waking.alarm_for(jobs._core, waker, context.invoked_function_arn, at)  # noqa: SLF001  # as above


def _aimed(jobs: Tickover, context: Any) -> Sender | None:
    """What sets an alarm for this very function; None where a timer wakes it anyway."""
    core = jobs._core  # noqa: SLF001  # as above
    aimed: Callable[[str], Sender | None] | None = getattr(core.waker, "aimed", None)
    return aimed(context.invoked_function_arn) if aimed is not None and core.settings.profile == "zero-idle" else None


def _rest(jobs: Tickover, report: TickReport) -> None:
    """Closes the connection unless work comes soon."""
    near = report.next_due_at is not None and report.next_due_at - jobs._core.clock.now() < _NEAR  # noqa: SLF001  # one clock for the whole application
    if not report.more and not near:
        jobs.close()


def _leave_no_thread(report: TickReport) -> None:
    """A job's thread that was given up would thaw in the middle of a later invocation: the process ends instead."""
    if report.abandoned and "AWS_LAMBDA_RUNTIME_API" in os.environ:
        _log.error("jobs %s did not end in time: this process ends with them", ", ".join(report.abandoned))
        sys.stdout.flush()
        os._exit(1)


def _response(report: TickReport) -> dict[str, Any]:
    failed = report.stopped_because == "error"
    body = json.dumps(report.to_json())
    return {"statusCode": 503 if failed else 200, "headers": {"content-type": "application/json"}, "body": body}


def _default_app(jobs: Tickover) -> Any:
    from tickover.web import create_web

    return create_web(jobs)
