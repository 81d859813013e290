"""Whether anything happened."""

from __future__ import annotations

from sqlalchemy import func, select

from tickover import Tickover
from tickover.store import reads
from tickover.store.tables import events
from tickover_ui.reading import read


def pulse(app: Tickover) -> int:
    """The number of the latest event; 0 when there is none."""
    return int(read(app, lambda store: reads.send(store.link, select(func.max(events.c.seq))))[0][0] or 0)
