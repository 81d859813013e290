"""Queues: small columns of what each finished, and how long its runs waited through a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from tickover_ui import svg
from tickover_ui.queries.ended import QUARTER, Minute, Quarter
from tickover_ui.words import duration

_ROW: Final = 19
#: Seconds of waiting below which a cell has that shade.
_SHADES: Final = ((1, "h0"), (5, "h1"), (15, "h2"), (60, "h3"))


def columns(minutes: Sequence[Minute], width: int = 150, height: int = 34, label: str = "") -> Markup:
    """What ended in each minute, one column each; the scale begins at 0 and a minute without work is a thin line."""
    axis = svg.Axis(minutes[0].at, minutes[-1].at + timedelta(minutes=1))
    drawn = [
        svg.rect(axis(one.at) + 0.3, height - 1, axis.wide(50), 1, "f-grid", rx=0) for one in minutes if not one.ended
    ]
    values = [(one.at, (one.completed, one.retried, one.failed)) for one in minutes]
    drawn += svg.stacked(
        axis, 60, values, ("f-ok", "f-retry", "f-fail"), ("completed", "retried", "failed"), floor=height, height=height
    )
    said = label or f"{sum(one.ended for one in minutes)} runs ended in {len(minutes)} minutes"
    return svg.picture(drawn, height, said, cls="cols", width=width)


def heat(names: Sequence[str], day: Sequence[Quarter], at: datetime) -> Markup:
    """How long runs of each queue waited, one cell a quarter of an hour; nothing ended where there is no cell."""
    axis = svg.Axis(at - timedelta(days=1), at)
    place = {name: i for i, name in enumerate(names)}
    drawn = axis.ruler(18)
    for one in day:
        if one.queue in place and one.completed + one.retried + one.failed:
            tone = next((tone for below, tone in _SHADES if one.wait < below), "h4")
            title = f"{one.queue}, {one.at:%H:%M} UTC: waited {duration(one.wait)} on average, {one.completed + one.retried + one.failed} runs"
            drawn.append(
                svg.rect(axis(one.at), 22 + _ROW * place[one.queue], axis.wide(QUARTER) * 0.86, 15, tone, title=title)
            )
    return svg.picture(drawn, 22 + _ROW * len(names), "How long runs of each queue waited, by quarter of an hour")
