"""What ended when, from the ticks' roll-ups: charts never count jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, func, select

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


def quarters(store: SqlStore, at: datetime, hours: int = 24) -> list[Quarter]:
    """What ended in each quarter of an hour and queue of the last day."""
    number = bucket(store, tick_stats.c.minute, QUARTER)
    query: Select[Any] = (
        select(number, tick_stats.c.queue, *_SUMS)
        .where(tick_stats.c.minute >= at - timedelta(hours=hours))
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
