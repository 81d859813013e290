"""Schedules: declared in code, reconciled and fired by the scheduler, paused and run by an operator."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final, Unpack

from tickover.app.core import Core
from tickover.app.enqueue import write_rows
from tickover.app.handler import Handler
from tickover.app.newjob import NewJob, rewritten, row_of
from tickover.domain.declared import (
    CatchUp,
    Declared,
    Overlap,
    ScheduleView,
    Stored,
    check_catch_up,
    check_overlap,
)
from tickover.domain.ids import new_id
from tickover.domain.options import EnqueueOptions, check_enqueue_options, check_name
from tickover.domain.payload import encode
from tickover.domain.retry import ExponentialBackoff
from tickover.domain.schedule import Schedule
from tickover.domain.slots import MISSED, overdue, paused_slots
from tickover.engine.reconcile import reconcile
from tickover.engine.scheduler import Enqueuing, write_fires
from tickover.errors import DuplicateJob, InvalidArgument, InvalidTransition, PayloadError, ScheduleError
from tickover.store.port import moment
from tickover.store.schedule_rows import utc
from tickover.store.sql_store import SqlStore

_NOTHING: Any = object()
_TRIES: Final = 3
_UNSEEN: Final = timedelta(days=1)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Schedules:
    """The verbs of schedules."""

    _core: Core

    def schedule(
        self,
        what: str | Handler[[], Any] | NewJob[Any],
        when: Schedule,
        payload: object = _NOTHING,
        /,
        *,
        name: str | None = None,
        catch_up: CatchUp = "latest",
        overlap: Overlap = "allow",
        **options: Unpack[EnqueueOptions],
    ) -> None:
        """Declares that a job recurs. Nothing is written: `run_scheduler` brings the database up to date.

        Args:
            what: a handler that needs no payload, a new job, or a registered name.
            when: `every(…)`, `daily(…)`, `weekly(…)` or `cron(…)`.
            payload: what the handler takes, when `what` is a name.
            name: the schedule's own name; default the kind's. Each schedule of a kind needs one of its own.
            catch_up: of slots that passed while nothing fired, `"latest"` fires one, `"skip"` none, a number so many.
            overlap: while the job of an earlier slot is not over, `"allow"` fires, `"skip"` does not, `"queue_one"`
                does unless one waits already.
            options: any of `EnqueueOptions`, except `at` and `session`.

        Raises:
            ScheduleError: it cannot be used like this, or the name is taken.
            PayloadError: the payload does not fit.
        """
        new = _new_job(what, payload, options)
        _declare(self._core, new, when, name=name or new.kind, catch_up=catch_up, overlap=overlap)

    def unschedule(self, name: str, /) -> None:
        """The schedule is gone, and fires no more; what it fired stays. Code that declares it brings it back.

        Raises:
            ScheduleError: there is none of this name.
        """
        declared = self._core.schedules.pop(name, None)
        removed = self._core.do(lambda store: store.call("schedule_remove", name=name))
        if declared is None and not removed:
            raise _unknown(self._core, name)

    def pause_schedule(self, name: str, /) -> None:
        """No slot of it fires until it is resumed; jobs that it fired go on. Raises `InvalidTransition` when paused."""
        _stored(self._core, name)
        if not self._core.do(lambda store: store.call("schedule_pause", name=name)):
            raise InvalidTransition(f"Schedule {name!r} is paused already.")

    def resume_schedule(self, name: str, /) -> None:
        """It fires again, from the first slot that is still to come; those of the pause are omitted.

        Raises:
            InvalidTransition: it is not paused.
            ScheduleError: there is none of this name.
        """
        for _ in range(_TRIES):
            now, stored = _stored(self._core, name)
            if not stored.paused:
                raise InvalidTransition(f"Schedule {name!r} is not paused.")
            if self._core.do(lambda store, one=stored, at=now: _resume(store, one, at)):  # type: ignore[misc]  # bound at once, as a loop needs
                return
        raise InvalidTransition(f"Schedule {name!r} changes all the time; try again.")

    def run_now(self, name: str, /) -> str:
        """Writes one job of the schedule now, and leaves its slots as they are, paused or not; returns the job's id.

        Raises:
            ScheduleError: there is none of this name.
            DuplicateJob: its unique or idempotency key is held.
        """
        _, stored = _stored(self._core, name)
        enqueuing = enqueuing_of(self._core)
        job_id = self._core.do(lambda store: _run(store, stored, enqueuing))
        self._core.woken(None)
        return job_id

    def schedules(self) -> list[ScheduleView]:
        """Every schedule, stored or declared here, by name."""
        self._core.load()
        now, rows = self._core.do(lambda store: store.schedules())
        return views(self._core, now, {one.name: one for one in rows})


def enqueuing_of(core: Core) -> Enqueuing:
    """How the scheduler writes jobs of this application."""

    def row(declared: Declared) -> dict[str, Any]:
        if isinstance(declared, Stored) and declared.unreadable is not None:
            raise PayloadError(declared.unreadable)
        new = NewJob.of(declared.kind, declared.payload, _read_options(declared.options), checked=False)
        return row_of(core, rewritten(core, new))

    return Enqueuing(row_of=row, write=write_rows, code_version=core.settings.code_version)


def _new_job(what: Any, payload: object, options: Mapping[str, Any]) -> NewJob[Any]:
    given = () if payload is _NOTHING else (payload,)
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


def _declare(core: Core, new: NewJob[Any], when: Any, *, name: str, catch_up: Any, overlap: Any) -> None:
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


def _read_options(text: str) -> dict[str, Any]:
    """Checked again: other code may have written them."""
    options = json.loads(text)
    if "backoff" in options:
        options["backoff"] = ExponentialBackoff(*options["backoff"])
    if "meta" in options:
        options["meta"] = json.loads(options["meta"])
    return check_enqueue_options(options)


def _stored(core: Core, name: str) -> tuple[datetime, Stored]:
    """A schedule as stored; one that is only declared is stored first."""
    core.load()
    now, rows = core.do(lambda store: store.schedules())
    stored = {one.name: one for one in rows}
    if name not in stored and (declared := core.schedules.get(name)) is not None:
        version = core.settings.code_version
        core.do(lambda store: reconcile(store, [declared], stored, now, code_version=version))
        now, rows = core.do(lambda store: store.schedules())
        stored = {one.name: one for one in rows}
    if name not in stored:
        raise _unknown(core, name, *stored)
    return now, stored[name]


def _unknown(core: Core, name: str, *others: str) -> ScheduleError:
    near = get_close_matches(str(name), {*core.schedules, *others}, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ScheduleError(f"There is no schedule {name!r}.{hint}")


def _resume(store: SqlStore, stored: Stored, now: datetime) -> bool:
    """Whether it was as read; if so, it fires from its first slot after now on."""
    schedule = stored.schedule
    following = stored.next_slot if stored.next_slot is None or stored.next_slot > now else schedule.next(now)
    fires = [
        {"reason": one.reason, **moment("slot", one.slot)} for one in paused_slots(schedule, stored.next_slot, now)
    ]
    with store.transaction():
        resumed = store.call(
            "schedule_resume",
            name=stored.name,
            version=stored.spec_version,
            **moment("expected", stored.next_slot),
            **moment("next", following),
        )
        if resumed and fires:
            store.call("fire", name=stored.name, fires=json.dumps(fires))
    return bool(resumed)


def _run(store: SqlStore, stored: Stored, enqueuing: Enqueuing) -> str:
    row = {**enqueuing.row_of(stored), "id": new_id()}
    with store.transaction():
        ((now,),) = store.call("schedule_ran", name=stored.name) or [(None,)]
        if now is None:
            raise ScheduleError(f"There is no schedule {stored.name!r} any more.")
        slot, free = utc(now), False
        while not free:  # an instant that is a slot, or that was run by hand, already: the next millisecond
            fires = json.dumps([{"job_id": row["id"], "reason": "run by hand", **moment("slot", slot)}])
            free = bool(store.call("fire", name=stored.name, fires=fires))
            slot += _MILLISECOND
        if not write_fires(store, stored.name, {slot - _MILLISECOND: row}, enqueuing):
            raise DuplicateJob(f"Schedule {stored.name!r} was not run: a job holds its key.", job_id=row["id"])
    return str(row["id"])


def overdue_schedules(core: Core, now: datetime, stored: Iterable[Stored], patience: float) -> dict[str, int]:
    """How many slots each schedule has missed for longer than so many seconds; those that code here knows, by name."""
    late = max(MISSED, timedelta(seconds=patience))
    shown = views(core, now, {one.name: one for one in stored}, late)
    return {view.name: view.overdue for view in shown if view.overdue}


def views(core: Core, now: datetime, stored: Mapping[str, Stored], late: timedelta = MISSED) -> list[ScheduleView]:
    """Every schedule that is stored or declared, by name, as people see it at an instant."""
    # An application that declares nothing and has no handlers, such as `--database` of the CLI, knows no code at all.
    knows = bool(core.schedules) or bool(core.registry.names())
    made = []
    for name in sorted({*core.schedules, *stored}):
        found = stored.get(name)
        unseen = found is None or found.seen_at is None or now - found.seen_at > _UNSEEN
        orphaned = name not in core.schedules if knows else unseen
        made.append(_view(found or core.schedules[name], now, late, orphaned=orphaned))
    return made


def _view(shown: Declared, now: datetime, late: timedelta, *, orphaned: bool) -> ScheduleView:
    fired = paused = next_slot = None
    if isinstance(shown, Stored):
        fired, paused, next_slot = shown.last_fired_at, shown.paused, shown.next_slot
    try:
        next_at = next_slot if next_slot is not None and next_slot > now else shown.schedule.next(now)
        missed = overdue(shown, now, late=late) if isinstance(shown, Stored) and not orphaned else 0
    except ScheduleError:  # newer code wrote it in words that this code does not know
        next_at, missed = next_slot, 0
    return ScheduleView(
        name=shown.name, kind=shown.kind, spec=shown.spec, tz=shown.tz, next_at=next_at, last_at=fired, overdue=missed,
        paused=bool(paused), orphaned=orphaned, catch_up=shown.catch_up, overlap=shown.overlap,
    )  # fmt: skip
