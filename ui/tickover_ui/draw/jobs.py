"""Jobs: the day as a strip to choose a stretch from, and attempts as pips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from tickover.domain.job_view import Job
from tickover_ui import svg
from tickover_ui.queries.ended import QUARTER, Quarter

_MOST_PIPS: Final = 8
_RUNNING: Final = {"running": "f-run", "waiting": "f-wait", "completed": "f-ok"}


def strip(
    day: Sequence[Quarter],
    at: datetime,
    chosen: tuple[datetime, datetime] | None,
    link: Callable[[datetime, datetime], str],
) -> Markup:
    """Runs that ended by quarter of an hour; each column leads to the jobs that were enqueued in it."""
    axis = svg.Axis(at - timedelta(days=1), at)
    sums: dict[datetime, list[int]] = {}
    for one in day:
        mine = sums.setdefault(one.at, [0, 0, 0])
        for i, count in enumerate((one.completed, one.retried, one.failed)):
            mine[i] += count
    drawn = []
    if chosen:
        drawn.append(svg.rect(axis(chosen[0]), 0, max(0.6, axis(chosen[1]) - axis(chosen[0])), 35, "brush", rx=4))
    most = max((sum(counts) for counts in sums.values()), default=1)
    for start, counts in sums.items():
        bars = svg.stacked(
            axis,
            QUARTER,
            [(start, counts)],
            ("f-sched", "f-retry", "f-fail"),
            ("completed", "retried", "failed"),
            floor=34,
            height=30,
            most=most,
        )
        end = start + timedelta(seconds=QUARTER)
        label = f"Jobs enqueued from {start:%H:%M} to {end:%H:%M} UTC; {sum(counts)} runs ended"
        drawn.append(
            svg.link(
                link(start, end),
                svg.rect(axis(start), 0, axis.wide(QUARTER), 35, "f-none hit", rx=0) + "".join(bars),
                cls="hot",
                label=label,
            )
        )
    drawn.append(svg.hline(0, 100, 34.5, "rule"))
    for hour in axis.every(10_800):
        drawn.append(svg.vline(axis(hour), 34, 39, "tooth2"))
        if 2 < axis(hour) < 98:
            drawn.append(svg.when(axis(hour), 49, hour))
    return svg.picture(drawn, 52, "Runs that ended in each quarter of an hour of the last 24 hours", links=True)


def pips(job: Job, retries: int, forgiven: int) -> Markup:
    """One pip for each attempt that it has: failed, the one of now, and those that are left."""
    failures, total = max(0, job.failures - forgiven), min(retries + 1, _MOST_PIPS)
    tones = []
    for number in range(total):
        if number < failures:
            tones.append("f-fail")
        elif number == failures and job.state in _RUNNING:
            tones.append(_RUNNING[job.state])
        else:
            tones.append("f-track")
    drawn = "".join(
        f'<rect x="{7 * i}" width="5" height="10" rx="1.5" class="{tone}"/>' for i, tone in enumerate(tones)
    )
    more = "+" if retries + 1 > _MOST_PIPS else ""
    label = f"{failures} of {retries + 1} attempts failed"
    return Markup(  # noqa: S704  # numbers and class names
        f'<svg class="pips" width="{7 * total}" height="10" role="img" aria-label="{label}">{drawn}</svg>{more}'
    )
