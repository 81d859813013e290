"""What ended when, from the ticks' roll-ups: charts never count jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from tickover.store import reads
from tickover.store.sql_store import SqlStore
from tickover.store.tables import stored_instant, tick_stats

MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What ended in one minute."""

    at: datetime
    completed: int = 0
    retried: int = 0
    failed: int = 0


def by_queue(store: SqlStore, at: datetime) -> list[Any]:
    """(minute, queue, completed, retried, failed) of the last hour, from the ticks' roll-ups."""
    columns = tick_stats.c
    query: Select[Any] = (
        select(
            columns.minute,
            columns.queue,
            func.sum(columns.completed),
            func.sum(columns.retried),
            func.sum(columns.failed),
        )
        .where(columns.minute >= at - timedelta(minutes=MINUTES))
        .group_by(columns.minute, columns.queue)
    )
    return [(stored_instant(row[0]), row[1], *map(int, row[2:])) for row in reads.send(store.link, query)]


def by_minute(ended: list[Any], at: datetime) -> list[Minute]:
    """Every minute of the last hour, those without work too: a gap is a gap and no slope."""
    completed, retried, failed = Counter[datetime](), Counter[datetime](), Counter[datetime]()
    for minute, _, *numbers in ended:
        for counter, n in zip((completed, retried, failed), numbers, strict=True):
            counter[minute] += n
    last = at.replace(second=0, microsecond=0)
    return [
        Minute(at=one, completed=completed[one], retried=retried[one], failed=failed[one])
        for one in (last - timedelta(minutes=back) for back in range(MINUTES - 1, -1, -1))
    ]
