"""Dead letters: when a cause struck."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from tickover_ui import svg
from tickover_ui.causes import Cause

_BINS: Final = 45


def timeline(cause: Cause, at: datetime) -> Markup:
    """How many died of it when, from a little before the first until now."""
    span = max(timedelta(minutes=45), (at - cause.first) * 1.15)
    axis = svg.Axis(at - span, at)
    each = span.total_seconds() / _BINS
    counts = [0] * _BINS
    for death in cause.deaths:
        counts[min(_BINS - 1, max(0, int((death.at - axis.start).total_seconds() / each)))] += 1
    values = [(axis.start + timedelta(seconds=i * each), (count,)) for i, count in enumerate(counts)]
    drawn = axis.ruler(20)
    drawn += svg.stacked(axis, each, values, ("f-fail",), ("dead",), floor=82, height=52)
    first = axis(cause.first)
    drawn += [
        svg.vline(first, 20, 82, "mark-l"),
        svg.text(first, 33, "first", "ax b", anchor="end" if first > 12 else "start", dx=-6 if first > 12 else 6),
    ]
    drawn += [svg.hline(0, 100, 82.5, "rule"), svg.vline(100, 10, 82, "nowl")]
    return svg.picture(drawn, 86, f"{len(cause.deaths)} dead letters of this cause over time")


def small(cause: Cause, every: Sequence[Cause], at: datetime) -> Markup:
    """The same in a few pixels, on one axis for all causes."""
    start = min(at - timedelta(hours=1), *(one.first for one in every))
    axis, bins = svg.Axis(start, at), 40
    each = max(1.0, (at - start).total_seconds() / bins)
    counts = [0] * bins
    for death in cause.deaths:
        counts[min(bins - 1, max(0, int((death.at - start).total_seconds() / each)))] += 1
    values = [(start + timedelta(seconds=i * each), (count,)) for i, count in enumerate(counts)]
    drawn = [
        svg.hline(0, 100, 21.5, "gridl"),
        *svg.stacked(axis, each, values, ("f-fail",), ("dead",), floor=22, height=20),
    ]
    return svg.picture(drawn, 22, f"when {len(cause.deaths)} died", cls="cols", width=96)
