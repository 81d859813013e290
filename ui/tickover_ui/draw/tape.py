"""The tape: how long runs waited, ticks and what ended, on one axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from tickover_ui import svg
from tickover_ui.draw.ticks import said, source
from tickover_ui.queries.ended import Minute
from tickover_ui.queries.ticks import Tick
from tickover_ui.words import duration

_LANES: Final = 6
_HEIGHT: Final = 264


def tape(
    minutes: Sequence[Minute], ticks: Sequence[Tick], at: datetime, link: Callable[[str], str], *, span: int = 30
) -> Markup:
    """The last so many minutes."""
    axis = svg.Axis(at - timedelta(minutes=span), at)
    shown = [minute for minute in minutes if minute.at >= axis.start - timedelta(minutes=1)]
    drawn = axis.ruler(20, grid_to=258)
    drawn += _waits(axis, shown)
    drawn.append(svg.hline(0, 100, 82.5, "sepl"))
    drawn += _ticks(axis, ticks, at, link)
    drawn.append(svg.hline(0, 100, 182.5, "sepl"))
    values = [
        (minute.at, (minute.completed, minute.retried, minute.failed)) for minute in shown if minute.at >= axis.start
    ]
    drawn += svg.stacked(
        axis, 60, values, ("f-okw", "f-retry", "f-fail"), ("completed", "retried", "failed"), floor=258, height=68
    )
    most = max((sum(counts) for _, counts in values), default=1) or 1
    for start, (completed, _, _) in values:
        if completed:
            drawn.append(
                svg.rect(
                    axis(start) + 0.08 * axis.wide(60),
                    258 - 68 * completed / most,
                    min(0.84 * axis.wide(60), 100 - axis(start)),
                    2,
                    "f-ok",
                    rx=0.5,
                )
            )
    drawn += [svg.hline(0, 100, 258.5, "rule"), svg.vline(100, 8, 258, "nowl")]
    return svg.picture(
        drawn,
        _HEIGHT,
        f"The last {span} minutes on one axis: how long runs waited, {len(ticks)} ticks, and runs that ended in each minute",
        links=True,
    )


def _waits(axis: svg.Axis, minutes: Sequence[Minute]) -> list[str]:
    """A step for each minute in which something ran; a gap where nothing did."""
    most = max((minute.wait for minute in minutes), default=0.0)
    if not most:
        return []
    drawn = []
    for minute in minutes:
        if minute.ended and minute.at >= axis.start:
            tall = max(1.5, 46 * minute.wait / most)
            x, w = axis(minute.at), min(axis.wide(60), 100 - axis(minute.at))
            drawn.append(
                svg.rect(
                    x,
                    82 - tall,
                    w,
                    tall,
                    "ready-a",
                    rx=0,
                    title=f"{minute.at:%H:%M} UTC: waited {duration(minute.wait)} on average",
                )
            )
            drawn.append(svg.hline(x, x + w, 82 - tall, "ready-l"))
    top = max(minutes, key=lambda minute: minute.wait)
    drawn.append(
        svg.text(min(96, max(3, axis(top.at + timedelta(seconds=30)))), 33, duration(top.wait), "ax b", anchor="middle")
    )
    return drawn


def _ticks(axis: svg.Axis, ticks: Sequence[Tick], at: datetime, link: Callable[[str], str]) -> list[str]:
    placed = svg.lanes([(tick.started_at.timestamp(), tick.until(at).timestamp()) for tick in ticks], gap=1)
    after: dict[int, datetime] = {}
    drawn = []
    for tick, lane in reversed(list(zip(ticks, placed, strict=True))):
        if lane < _LANES:
            drawn.append(_bar(axis, tick, 94 + 14 * lane, after.get(lane), at=at, link=link))
        after[lane] = tick.started_at
    return drawn[::-1]


def _bar(
    axis: svg.Axis, tick: Tick, y: float, following: datetime | None, *, at: datetime, link: Callable[[str], str]
) -> str:
    start, end = axis(tick.started_at), axis(tick.until(at))
    room = min(tick.deadline_at, following - timedelta(seconds=1) if following else tick.deadline_at, at)
    title = f"Tick {tick.id[-8:]}, {source(tick.trigger)[1]}: {tick.claimed} jobs in {duration((tick.until(at) - tick.started_at).total_seconds())}, {said(tick, at)}"
    tone = "f-run" if tick.live(at) else "f-fail" if tick.crashed(at) else "f-tick"
    drawn = [
        svg.rect(start, y, max(0, axis(room) - start), 10, "f-ghost"),
        svg.rect(start, y, max(end - start, 0.28), 10, tone, title=title),
    ]
    if tick.cold:
        drawn.append(svg.rect(start, y, 0.3, 10, "f-cold", rx=1.5))
    if tick.near_deadline:
        drawn.append(svg.rect(max(0, end - 0.16), y, 0.16, 10, "f-ink", rx=0))
    return svg.link(link(tick.id), "".join(drawn), cls="hot", label=title)
