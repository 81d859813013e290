"""Adds what ticks saw of the durations of steps to what the database remembers of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from tickover.domain.durations import Histogram
from tickover.store.port import Store

_AT_ONCE: Final = 100


def fold_durations(store: Store, *, left: Callable[[], bool]) -> bool:
    """Folds the ticks' news in bounded sets, each in a transaction: what is added is no longer told. Whether all is."""
    found = _AT_ONCE
    while found == _AT_ONCE and left():
        with store.transaction():
            found = _fold(store)
    return found < _AT_ONCE


def _fold(store: Store) -> int:
    rows = store.call("tick_news", limit=_AT_ONCE)
    news: dict[tuple[str, str], Histogram] = {}
    for _, text in rows:
        for kind, steps in json.loads(text).items():
            for step, counts in steps.items():
                news.setdefault((kind, step), Histogram()).merge(Histogram.from_json(counts))
    if rows:
        steps = json.dumps([{"kind": kind, "step": step} for kind, step in news])
        known = {(kind, step): json.loads(text) for kind, step, text in store.call("lock_durations", steps=steps)}
        folded = []
        for (kind, step), histogram in news.items():
            histogram.merge(Histogram.from_json(known.get((kind, step), {})))
            histogram.fade()
            folded.append({"kind": kind, "step": step, "histogram": json.dumps(histogram.to_json())})
        store.call("fold_durations", folded=json.dumps(folded), ticks=json.dumps([str(row[0]) for row in rows]))
    return len(rows)
