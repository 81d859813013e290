"""Leases on a time axis around now: held, left, run out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from tickover_ui import svg
from tickover_ui.queries.leases import Held
from tickover_ui.words import duration

ROW: Final = 46


def around_now(held: Sequence[Held], at: datetime) -> Markup:
    """One row a holder."""
    back = max([60.0, *((at - one.since).total_seconds() for one in held)])
    ahead = max([30.0, *((one.until - at).total_seconds() for one in held)])
    axis = svg.Axis(at - timedelta(seconds=min(back, 900) * 1.05), at + timedelta(seconds=min(ahead, 900) * 1.3))
    height = 30 + ROW * len(held)
    drawn = [svg.rect(axis(at), 22, 100 - axis(at), height - 22, "f-band", rx=0), svg.hline(0, 100, 21.5, "rule")]
    span = (axis.end - axis.start).total_seconds()
    step = next(size for size in (5, 10, 30, 60, 120, 300, 600) if span / size <= 9 or size == 600)
    for number in range(-int(back // step) - 1, int(span // step) + 1):
        where = at + timedelta(seconds=number * step)
        if axis.start < where < axis.end:
            drawn.append(svg.vline(axis(where), 15, 22, "tooth2"))
            if number and 2 < axis(where) < 97:
                drawn.append(
                    svg.text(
                        axis(where), 12, f"{'+' if number > 0 else '−'}{duration(abs(number * step))}", anchor="middle"
                    )
                )
    for number, one in enumerate(held):
        drawn += _row(axis, one, 30 + ROW * number, at)
    drawn += [svg.vline(axis(at), 14, height, "nowl"), svg.text(axis(at), 12, "now", "ax bad", anchor="middle")]
    return svg.picture(drawn, height, f"Leases of {len(held)} ticks around now; the table says the same")


def _row(axis: svg.Axis, one: Held, y: float, at: datetime) -> list[str]:
    left = (one.until - at).total_seconds()
    tone = "fail" if left <= 0 else "retry" if one.last_stretch(at) else "run"
    start, end = axis(one.since), axis(min(one.until, at))
    title = f"held by tick {one.tick[-8:]} since {duration((at - one.since).total_seconds())}"
    drawn = [
        svg.hline(0, 100, y - 0.5, "gridl"),
        svg.rect(start, y + 13, end - start, 18, "f-tick" if tone == "run" else f"f-{tone}", rx=3, title=title),
    ]
    if left > 0:
        drawn += [
            svg.rect(axis(at), y + 13, axis(one.until) - axis(at), 18, f"lease-left s-{tone}", rx=3),
            svg.text(axis(one.until), y + 26, f"{duration(left)} left", "ax b", dx=6),
        ]
    else:
        drawn.append(svg.rect(end, y + 13, axis(at) - end, 18, "lease-left s-fail dash", rx=3))
        drawn.append(
            svg.text(
                axis(at),
                y + 26,
                f"ran out {duration(-left)} ago: whoever reaps next gives {one.jobs} back",
                "ax bad",
                dx=6,
            )
        )
    return drawn
