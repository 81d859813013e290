"""What stands around every page: the counts beside the names of the pages, and when something last happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, literal, select

from tickover import Tickover
from tickover.store.flow_tables import fan_outs, fires
from tickover.store.sql_store import SqlStore
from tickover.store.tables import from_stored, queues, ticks
from tickover_ui.reading import capped, is_state, news, now, read, rows
from tickover_ui.words import MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One row for all of it."""

    now: datetime
    dialect: str
    pending: int
    running: int
    dead: int
    open_fan_outs: int
    paused_queues: int
    #: Changes with every event.
    news: int
    last_tick: datetime | None
    last_fire: datetime | None

    @property
    def counts(self) -> dict[str, int]:
        """Jobs by state, for the states that an index counts; what is beyond the bound is one more than it."""
        return {"pending": self.pending, "running": self.running, "failed": self.dead}

    def badge(self, page: str) -> tuple[int, str]:
        """The count beside a page's name, and its tone; 0 is not shown."""
        return {
            "/jobs": (self.pending, ""),
            "/leases": (self.running, ""),
            "/dead": (self.dead, "bad"),
            "/workflows": (self.open_fan_outs, ""),
            "/queues": (self.paused_queues, "warn"),
        }.get(page, (0, ""))


def frame(app: Tickover) -> Frame:
    """Reads it."""
    return read(app, lambda store: frame_of(app, store))


def frame_of(app: Tickover, store: SqlStore) -> Frame:
    """The same within a reading of a page that needs the counts itself: they are counted once."""
    found = rows(store, select(*_COUNTS, news(store), *_LAST))[0]
    return Frame(
        now=now(app, store), dialect=store.link.dialect, pending=found[0], running=found[1], dead=found[2], open_fan_outs=found[3],
        paused_queues=found[4], news=int(found[5]), last_tick=from_stored(found[6]), last_fire=from_stored(found[7]),
    )  # fmt: skip


def _latest(column: Any) -> Any:
    return select(column).order_by(column.desc()).limit(1).scalar_subquery()


_COUNTS: Final = (
    capped(is_state("pending")),
    capped(is_state("running")),
    capped(is_state("failed")),
    select(func.count())
    .select_from(
        select(literal(1))
        .select_from(fan_outs)
        .where(fan_outs.c.status == literal("open", literal_execute=True))
        .limit(MOST + 1)
        .subquery()
    )
    .scalar_subquery(),
    select(func.count()).select_from(queues).where(queues.c.paused_at.is_not(None)).scalar_subquery(),
)
_LAST: Final = (
    _latest(ticks.c.started_at),
    _latest(fires.c.fired_at),
)
