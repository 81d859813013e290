"""What ended when, from the ticks' roll-ups: charts never count jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Select, func, select

from tickover import Tickover
from tickover.store.sql_store import SqlStore
from tickover.store.tables import stored_instant, tick_stats
from tickover_ui.reading import bucket, rows

MINUTES: Final = 60
QUARTER: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What ended in one minute."""

    at: datetime
    completed: int = 0
    retried: int = 0
    failed: int = 0
    run_ms: int = 0
    wait_ms: int = 0

    @property
    def ended(self) -> int:
        """Runs that ended, whichever way."""
        return self.completed + self.retried + self.failed

    @property
    def wait(self) -> float:
        """Seconds that a run waited for its start, on average."""
        return self.wait_ms / 1000 / self.ended if self.ended else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """A quarter of an hour of one queue."""

    at: datetime
    queue: str
    completed: int
    retried: int
    failed: int
    run_ms: int
    wait_ms: int

    @property
    def wait(self) -> float:
        """Seconds that a run waited for its start, on average."""
        ended = self.completed + self.retried + self.failed
        return self.wait_ms / 1000 / ended if ended else 0.0


_NAMES: Final = ("completed", "retried", "failed", "run_ms", "wait_ms")
_SUMS: Final = tuple(func.sum(tick_stats.c[name]) for name in _NAMES)


def by_queue(store: SqlStore, at: datetime, minutes: int = MINUTES) -> list[Any]:
    """(minute, queue, completed, retried, failed, run_ms, wait_ms) of the last so many minutes."""
    query: Select[Any] = (
        select(tick_stats.c.minute, tick_stats.c.queue, *_SUMS)
        .where(tick_stats.c.minute >= at - timedelta(minutes=minutes))
        .group_by(tick_stats.c.minute, tick_stats.c.queue)
    )
    return [(stored_instant(row[0]), row[1], *map(int, row[2:])) for row in rows(store, query)]


def by_minute(ended: list[Any], at: datetime, minutes: int = MINUTES) -> list[Minute]:
    """Every minute of the stretch, those without work too: a gap is a gap and no slope."""
    sums = {name: Counter[datetime]() for name in _NAMES}
    for minute, _, *numbers in ended:
        for name, number in zip(_NAMES, numbers, strict=True):
            sums[name][minute] += number
    last = at.replace(second=0, microsecond=0)
    return [
        Minute(at=one, **{name: sums[name][one] for name in _NAMES})
        for one in (last - timedelta(minutes=back) for back in range(minutes - 1, -1, -1))
    ]


@dataclass(slots=True)
class _Kept:
    """Quarters that are over for long enough: no settle can add to them any more."""

    until: datetime
    quarters: list[Quarter]


#: By database, so that it goes when its application does. Reading a day of a busy fleet anew for each page took 200 ms.
_kept: WeakKeyDictionary[Any, _Kept] = WeakKeyDictionary()
#: A tick writes its roll-up with each settle; none is longer on its way than a tick may last.
_SETTLED: Final = timedelta(minutes=15)


def quarters(app: Tickover, store: SqlStore, at: datetime) -> list[Quarter]:
    """What ended in each quarter of an hour and queue of the last day; those that are over are remembered."""
    database = app._core.database  # noqa: SLF001  # the dashboard is an edge of the same house
    since = at - timedelta(hours=24)
    kept = _kept.get(database)
    if kept is None or kept.until > at:  # a clock that went back has other quarters
        kept = _Kept(until=since, quarters=[])
    closed = _start(at - _SETTLED)
    fresh = _read_quarters(store, max(since, kept.until))
    known = [one for one in kept.quarters if one.at >= since and one.at < kept.until]
    _kept[database] = _Kept(until=max(closed, kept.until), quarters=known + [one for one in fresh if one.at < closed])
    return known + fresh


def _start(at: datetime) -> datetime:
    return datetime.fromtimestamp(at.timestamp() // QUARTER * QUARTER, UTC)


def _read_quarters(store: SqlStore, since: datetime) -> list[Quarter]:
    number = bucket(store, tick_stats.c.minute, QUARTER)
    query: Select[Any] = (
        select(number, tick_stats.c.queue, *_SUMS)
        .where(tick_stats.c.minute >= since)
        .group_by(number, tick_stats.c.queue)
    )
    return [
        Quarter(
            at=datetime.fromtimestamp(int(row[0]) * QUARTER, UTC),
            queue=row[1],
            **dict(zip(_NAMES, map(int, row[2:]), strict=True)),
        )
        for row in rows(store, query)
    ]
