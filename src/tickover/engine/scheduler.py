"""The scheduler: a timed function that turns due slots into jobs, each slot once, however many run at the same time."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tickover import faults
from tickover.domain.budget import Window
from tickover.domain.declared import Declared, Stored
from tickover.domain.ids import TickId, derived_id
from tickover.domain.report import TickReport
from tickover.domain.slots import Due, admit, decide_slots
from tickover.engine.reconcile import reconcile
from tickover.errors import ScheduleError, StorageUnavailable
from tickover.store.port import OutcomeUnknown, RolledBack, Store, moment

_log: Final = logging.getLogger("tickover.scheduler")
_TRIES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueuing:
    """What the scheduler needs of the application in order to write a job."""

    #: The enqueue row of a schedule's job; raises when this code cannot make one.
    row_of: Callable[[Declared], dict[str, Any]]
    #: Writes rows in the open transaction; for each its id, or that of the job which holds its key.
    write: Callable[[Any, Sequence[dict[str, Any]]], list[str]]
    code_version: str = ""


class Scheduler:
    """One run of the scheduler. `run` is the narrative."""

    def __init__(
        self, store: Store, tick: TickId, window: Window, enqueuing: Enqueuing, monotonic: Callable[[], float]
    ) -> None:
        self.store = store
        self.window = window
        self.enqueuing = enqueuing
        self.monotonic = monotonic
        self.report = TickReport(tick_id=tick, trigger="scheduler")
        self.problems: dict[str, Exception] = {}

    def run(self, declared: Mapping[str, Declared]) -> TickReport:
        """Reconciles what is declared with what is stored, then fires what is due. Others' schedules are left alone.

        Raises:
            ScheduleError: after all others had their turn, for schedules that this code cannot fire.
        """
        self.store.deadline = self.window.end
        first = self.store.statements
        now, stored = self._reconciled([one for one in declared.values() if self._usable(one)])
        ours = [stored[name] for name in declared if name in stored]
        due = sorted(
            (one for one in ours if not one.paused and one.next_slot is not None and one.next_slot <= now),
            key=lambda one: (one.next_slot, one.name),
        )
        following = [one.next_slot for one in ours if not one.paused and (one.next_slot is None or one.next_slot > now)]
        for number, one in enumerate(due):
            if self.monotonic() >= self.window.stop:
                self.report.stopped_because = "deadline"
                following += [left.next_slot for left in due[number:]]
                break
            following.append(self._fired(one))
        self._finish(following, now, first)
        return self.report

    def _usable(self, declared: Declared) -> bool:
        """Whether this code can make a job of it. One that it cannot is an error, but only of its own."""
        try:
            self.enqueuing.row_of(declared)
        except Exception as error:  # noqa: BLE001  # a user's model or middleware may raise anything; it is told at the end
            self.problems[declared.name] = error
            return False
        return True

    def _reconciled(self, declared: Sequence[Declared]) -> tuple[datetime, dict[str, Stored]]:
        now, rows = self.store.schedules()
        stored = {one.name: one for one in rows}
        if reconcile(self.store, declared, stored, now, code_version=self.enqueuing.code_version):
            _, rows = self.store.schedules()  # the time stays: a deployment fires nothing, however dense its schedules
        return now, {one.name: one for one in rows}

    def _fired(self, one: Stored) -> datetime | None:
        """Decides a due schedule's slots, whatever becomes of the others; returns its next one."""
        if one.name in self.problems:
            return None
        for _ in range(_TRIES):
            try:
                count, following = fire(self.store, one, self.enqueuing)
            except OutcomeUnknown as error:
                _log.warning("the connection broke while schedule %s was fired: %s", one.name, error)
                self.store.reopen()  # and look again: if it was written, the slot is no longer due
            except RolledBack as error:
                _log.warning("firing schedule %s was rolled back: %s", one.name, error)
            except StorageUnavailable:
                raise
            except Exception as error:  # noqa: BLE001  # as in _usable; and one schedule must not stop the others
                self.problems[one.name] = error
                return None
            else:
                self.report.fired += count
                return following
        self.report.more = True
        return one.next_slot

    def _finish(self, following: Iterable[datetime | None], now: datetime, first: int) -> None:
        report = self.report
        report.next_due_at = min((at for at in following if at is not None), default=None)
        report.more = report.more or (report.next_due_at is not None and report.next_due_at <= now)
        report.statements = self.store.statements - first
        report.seconds = self.monotonic() - self.window.start
        for name, error in self.problems.items():
            _log.error("schedule %s cannot fire: %s", name, error)
        if self.problems:
            said = " ".join(f"Schedule {name!r} cannot fire: {error}" for name, error in self.problems.items())
            raise ScheduleError(said) from next(iter(self.problems.values()))


def fire(store: Store, stored: Stored, enqueuing: Enqueuing) -> tuple[int, datetime | None]:
    """Decides every due slot of one schedule in one transaction; how many fired, and the next slot.

    Three gates: the lock, the row in `fires`, and the compare-and-set of the next slot. Whoever comes second finds the
    schedule changed and does nothing; whoever dies before the commit has done nothing.
    """
    with store.transaction():
        now = store.lock_schedule(stored)
        if now is None or stored.next_slot is None:
            return 0, stored.next_slot
        due = decide_slots(stored, stored.next_slot, now)
        rows, refused = _admitted(store, stored, due, enqueuing)
        omitted = {omitted.slot: omitted.reason for omitted in due.omit} | refused
        fires = [{"job_id": row["id"], **moment("slot", slot)} for slot, row in rows.items()]
        fires += [{"reason": reason, **moment("slot", slot)} for slot, reason in omitted.items()]
        free = {str(row[0]) for row in store.call("fire", name=stored.name, fires=json.dumps(fires))}
        faults.hit("scheduler.after_gate")
        written = write_fires(store, stored.name, {s: row for s, row in rows.items() if row["id"] in free}, enqueuing)
        store.call(
            "schedule_advance",
            name=stored.name,
            version=stored.spec_version,
            fired=bool(written),
            **moment("expected", stored.next_slot),
            **moment("last", due.last),
            **moment("next", due.following),
        )
    faults.hit("scheduler.after_commit")
    return len(written), due.following


def _admitted(
    store: Store, stored: Stored, due: Due, enqueuing: Enqueuing
) -> tuple[dict[datetime, dict[str, Any]], dict[datetime, str]]:
    """The rows of the slots that fire, and why the others of `due.fire` do not: earlier jobs are not over."""
    live, waiting = (0, 0)
    if due.fire and stored.overlap != "allow":
        ((live, waiting),) = store.call("schedule_live", name=stored.name)
    rows: dict[datetime, dict[str, Any]] = {}
    refused: dict[datetime, str] = {}
    for slot in due.fire:
        if (reason := admit(stored.overlap, live=live, waiting=waiting)) is not None:
            refused[slot] = reason
            continue
        millis = int(slot.timestamp() * 1000)
        rows[slot] = {**enqueuing.row_of(stored), "id": derived_id(millis, "schedule", stored.name, millis)}
        live, waiting = live + 1, waiting + 1
    return rows, refused


def write_fires(store: Store, name: str, rows: Mapping[datetime, dict[str, Any]], enqueuing: Enqueuing) -> list[str]:
    """Writes the jobs of slots that `fires` has let through; returns their ids. A slot whose key is held says so."""
    if not rows:
        return []
    ids = enqueuing.write(store, list(rows.values()))
    written: list[dict[str, Any]] = []
    for (slot, row), job_id in zip(rows.items(), ids, strict=True):
        if job_id == row["id"] and not row.get("held"):
            written.append({"id": job_id, **moment("slot", slot)})
        else:
            why = f"its unique or idempotency key belongs to job {job_id}"
            store.call("fire_refused", name=name, job=row["id"], reason=why)
    if written:
        store.call("fired", name=name, jobs=json.dumps(written), log=store.log)
    return [row["id"] for row in written]
