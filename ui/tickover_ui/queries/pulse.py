"""Whether anything happened."""

from __future__ import annotations

from sqlalchemy import select

from tickover import Tickover
from tickover_ui.reading import news, read, rows


def pulse(app: Tickover) -> int:
    """A number that changes with every event; 0 when there is none."""
    return int(read(app, lambda store: rows(store, select(news(store))))[0][0])
