"""Declares a schedule in this process: what can only fail later is refused here. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tickover.app.handler import Handler
from tickover.app.newjob import NewJob
from tickover.domain.declared import Declared, check_catch_up, check_overlap
from tickover.domain.options import check_name
from tickover.domain.payload import encode
from tickover.domain.retry import ExponentialBackoff
from tickover.domain.schedule import Schedule
from tickover.errors import InvalidArgument, ScheduleError

if TYPE_CHECKING:
    from tickover.app.core import Core


def new_job(what: Any, given: tuple[object, ...], options: Mapping[str, Any]) -> NewJob[Any]:
    """The job that recurs, from a handler, a new job or a name, and at most one payload."""
    match what:
        case Handler():
            made = what.using(**options) if options else what
            new = made.new(*given)
        case NewJob():
            if given:
                raise InvalidArgument("A NewJob has its payload already; leave the payload out.")
            new = what.using(**options) if options else what
        case str():
            new = NewJob(what, *given, **options)
        case _:
            raise InvalidArgument(f"schedule takes a handler, a NewJob or a registered name, not {what!r:.80}.")
    for option in ("at", "session"):
        if option in new.options:
            raise ScheduleError(f"A schedule says when its jobs are written; leave {option}= out.")
    return new


def declare(core: Core, new: NewJob[Any], when: Any, *, name: str, catch_up: Any, overlap: Any) -> None:
    """See `Tickover.schedule`."""
    if not isinstance(when, Schedule):
        raise ScheduleError(f"A schedule recurs by every(…), daily(…), weekly(…) or cron(…), not by {when!r:.80}.")
    check_name(name, "schedule")
    if name in core.schedules:
        raise ScheduleError(f"A schedule {name!r} is declared already; give this one a name= of its own.")
    if when.next(datetime(2000, 1, 1, tzinfo=UTC)) is None:
        raise ScheduleError(f"{when} never comes; look at its day and month.")
    core.schedules[name] = Declared(
        name=name, kind=new.kind, payload=new.text, options=_options_text(new), spec=str(when), tz=when.tz,
        catch_up=check_catch_up(catch_up), overlap=check_overlap(overlap),
    )  # fmt: skip


def _options_text(new: NewJob[Any]) -> str:
    options = dict(new.options)
    if isinstance(backoff := options.get("backoff"), ExponentialBackoff):
        options["backoff"] = [backoff.initial, backoff.factor, backoff.maximum, backoff.jitter]
    return encode({**options, "remote": True} if new.remote else options)
