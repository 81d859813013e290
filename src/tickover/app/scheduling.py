"""What becomes of declared schedules: they are stored and fired; an operator looks at them, pauses and runs them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final

from tickover.app.core import Core
from tickover.app.enqueue import write_rows
from tickover.app.newjob import NewJob, rewritten, row_of
from tickover.domain.declared import (
    Declared,
    ScheduleView,
    Stored,
)
from tickover.domain.ids import new_id
from tickover.domain.options import check_enqueue_options
from tickover.domain.retry import ExponentialBackoff
from tickover.domain.slots import MISSED, overdue, paused_slots
from tickover.engine.reconcile import reconcile
from tickover.engine.scheduler import Enqueuing, write_fires
from tickover.errors import DuplicateJob, InvalidTransition, PayloadError, ScheduleError
from tickover.store.port import moment
from tickover.store.schedule_rows import utc
from tickover.store.sql_store import SqlStore

_TRIES: Final = 3
_UNSEEN: Final = timedelta(days=1)
_MILLISECOND: Final = timedelta(milliseconds=1)


def enqueuing_of(core: Core) -> Enqueuing:
    """How the scheduler writes jobs of this application."""

    def row(declared: Declared) -> dict[str, Any]:
        if isinstance(declared, Stored) and declared.unreadable is not None:
            raise PayloadError(declared.unreadable)
        new = NewJob.of(declared.kind, declared.payload, _read_options(declared.options), checked=False)
        return row_of(core, rewritten(core, new))

    return Enqueuing(row_of=row, write=write_rows, code_version=core.settings.code_version)


def remove(core: Core, name: str) -> None:
    """See `Tickover.unschedule`."""
    declared = core.schedules.pop(name, None)
    removed = core.do(lambda store: store.call("schedule_remove", name=name))
    if declared is None and not removed:
        raise _unknown(core, name)


def pause(core: Core, name: str) -> None:
    """See `Tickover.pause_schedule`."""
    _stored(core, name)
    if not core.do(lambda store: store.call("schedule_pause", name=name)):
        raise InvalidTransition(f"Schedule {name!r} is paused already.")


def resume(core: Core, name: str) -> None:
    """See `Tickover.resume_schedule`."""
    for _ in range(_TRIES):
        now, stored = _stored(core, name)
        if not stored.paused:
            raise InvalidTransition(f"Schedule {name!r} is not paused.")
        if core.do(lambda store, one=stored, at=now: _resume(store, one, at)):  # type: ignore[misc]  # bound at once, as a loop needs
            return
    raise InvalidTransition(f"Schedule {name!r} changes all the time; try again.")


def run_now(core: Core, name: str) -> str:
    """See `Tickover.run_now`."""
    _, stored = _stored(core, name)
    enqueuing = enqueuing_of(core)
    job_id = core.do(lambda store: _run(store, stored, enqueuing))
    core.woken(None)
    return job_id


def listed(core: Core) -> list[ScheduleView]:
    """See `Tickover.schedules`."""
    core.load()
    now, rows = core.do(lambda store: store.schedules())
    return views(core, now, {one.name: one for one in rows})


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
