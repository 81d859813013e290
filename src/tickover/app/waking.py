"""Who asks for a tick, and when: nudges after an enqueue, chains and alarms at a tick's end, a guard at its start.

Each is decided in the database, so that however many ask at once, one wake is sent. A wake is a hint: whatever goes
wrong here is logged, and neither an enqueue nor a tick fails by it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tickover.domain.ids import TickId
from tickover.domain.report import TickReport
from tickover.engine.wake import Note, Sender, WakeFailed
from tickover.errors import TickoverError
from tickover.store.port import Store

if TYPE_CHECKING:
    from tickover.app.core import Core

_log: Final = logging.getLogger("tickover")
#: Seconds after which a nudge whose wake never started a tick is given up, and the next enqueue sends another.
_STALE: Final = 30.0
#: Seconds after which a successor that was asked for and did not begin is not waited for.
_WINDOW: Final = 5.0
#: Two clocks differ; an alarm counts as gone a little before it can arrive, at the price of an empty tick.
_SLACK: Final = timedelta(seconds=2)
_SHORTLY: Final = timedelta(seconds=_WINDOW)
#: Something is due and yet this tick could take nothing: it is not asked for again at once.
_LATER: Final = timedelta(seconds=60)


def ask(core: Core, at: datetime | None, queues: Iterable[str]) -> None:
    """After an enqueue: sends a wake unless one is on its way; without queues, whatever is on its way."""
    waker = core.waker
    try:
        if not isinstance(waker, Sender):
            if waker is not None:
                waker.wake(at)
        elif at is not None:
            if core.settings.profile == "zero-idle":
                core.do(lambda store: _arm(core, waker, store, at, Note(reason="alarm")))
        elif not queues or core.do(lambda store: store.call("nudge", queues=_names(queues), stale=_STALE)):
            _nudge(core, waker, queues)
    except Exception as error:  # noqa: BLE001  # the jobs are written: nothing may tell the caller otherwise
        _log.warning("a wake was not sent: %s: %s", type(error).__name__, error)


def _nudge(core: Core, waker: Sender, queues: Iterable[str]) -> None:
    try:
        waker.send(None, Note(reason="nudge"))
    except WakeFailed:
        core.do(lambda store: store.call("unmark", queues=_names(queues)))  # so that the next enqueue tries again
        raise


def follow(core: Core, store: Store, report: TickReport, note: Note, serves: Mapping[str, int] | None) -> None:
    """At a tick's end: asks for successors while more is due, else for an alarm at the next due time."""
    waker = core.waker
    if not isinstance(waker, Sender) or report.stopped_because in ("error", "paused"):
        return
    tick = report.tick_id
    try:
        worked = report.claimed + report.reaped > 0
        granted = _successors(core, store, report, serves) if report.more and worked else None
        for _ in range(granted or 0):
            waker.send(None, note.next("chain", tick))
        if not granted and core.settings.profile == "zero-idle":
            now = core.clock.now()
            # Others were asked for and have not begun; or this tick could take nothing, and the next one would not either.
            due = report.next_due_at if not report.more else now + (_SHORTLY if worked else _LATER)
            if due is not None:
                _arm(core, waker, store, due, note.next("alarm", tick))
    except (WakeFailed, TickoverError) as error:
        _log.warning("tick %s asked for no other: %s", tick, error)


def guard(core: Core, tick: TickId, note: Note) -> Callable[[Store, float], None] | None:
    """The dead man's switch of a tick: an alarm for the case that it is killed; None where a timer ticks anyway."""
    waker = core.waker
    if not isinstance(waker, Sender) or core.settings.profile != "zero-idle":
        return None

    def switch(store: Store, seconds: float) -> None:
        try:
            _arm(core, waker, store, core.clock.now() + timedelta(seconds=seconds), note.next("alarm", tick))
        except (WakeFailed, TickoverError) as error:
            _log.warning("tick %s runs without its dead man's switch: %s", tick, error)

    return switch


def alarm_for(core: Core, waker: Sender, function: str, at: datetime) -> None:
    """An alarm for another of the platform's functions, such as the one that fires schedules."""
    try:
        core.do(lambda store: _arm(core, waker, store, at, Note(reason="alarm"), function=function))
    except (WakeFailed, TickoverError) as error:
        _log.warning("%s asked for no alarm: %s", function, error)


def in_distress(core: Core, note: Note, waker: Sender | None = None) -> None:
    """A tick could not reach its database, which therefore cannot say what is due: another one tries in a minute.

    So does another of the platform's functions, when `waker` is aimed at it.
    """
    waker = waker or (core.waker if isinstance(core.waker, Sender) else None)
    if waker is not None and core.settings.profile == "zero-idle":
        try:
            waker.send(core.clock.now() + _LATER, Note(reason="alarm", hops=note.hops + 1, parent=note.parent))
        except WakeFailed as error:
            _log.warning("what failed asked for no other try: %s", error)


def _successors(core: Core, store: Store, report: TickReport, serves: Mapping[str, int] | None) -> int:
    settled = sum(report.by_queue.values()) or report.claimed
    rows = store.call(
        "chain", tick=report.tick_id, key=_key(core, "chained"), queues=None if serves is None else _names(serves),
        most=core.settings.max_ticks, settles=max(1, settled), window=_WINDOW,
    )  # fmt: skip
    return int(rows[0][0]) if rows else 0


def _arm(core: Core, waker: Sender, store: Store, at: datetime, note: Note, *, function: str | None = None) -> None:
    """Sets an alarm for `at` unless one comes by then: first the alarm, then the row that says so.

    An alarm is never changed or taken back: a late delete once killed a new alarm while the row said "armed". One that
    is superseded costs an empty tick.
    """
    key = _key(core, "armed") if function is None else f"armed:{function}"
    ((armed,),) = store.call("armed", key=key, at=_millis(at + timedelta(seconds=waker.precision)))
    if armed:
        return
    arrival = waker.send(at, note)
    if arrival is not None:
        store.call("arm", key=key, first=_millis(arrival.first - _SLACK), last=_millis(arrival.last))


def _key(core: Core, what: str) -> str:
    """One row per function and set of queues: another function's alarm does not wake this one."""
    queues = "*" if core.settings.queues is None else ",".join(sorted(core.settings.queues))
    return f"{what}:{core.settings.wake_function or ''}:{queues}"


def _names(queues: Iterable[str]) -> str:
    return json.dumps(sorted(queues))


def _millis(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp() * 1000)
