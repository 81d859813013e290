"""Charts as SVG from Python: positions in percent, so they are fluid without a script; colours by class, from the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from tickover_ui.queries.ended import Minute

_PARTS: Final = (("completed", "f-ok"), ("retried", "f-retry"), ("failed", "f-fail"))


def columns(minutes: Sequence[Minute], height: int, label: str) -> Markup:
    """What ended in each minute, one column each, its parts on top of one another; the scale begins at 0."""
    most = max((sum(getattr(minute, part) for part, _ in _PARTS) for minute in minutes), default=0)
    width = 100 / max(1, len(minutes))
    drawn = Markup("")
    for number, minute in enumerate(minutes):
        top = float(height)
        for part, tone in _PARTS:
            count = getattr(minute, part)
            if not count:
                continue
            tall = max(2.0, height * count / most)  # one failure among a thousand jobs is still seen
            top = max(0.0, top - tall)
            title = f"{minute.at:%H:%M} UTC: {count} {part}"
            drawn += Markup(
                '<rect x="{:.2f}%" y="{:.1f}" width="{:.2f}%" height="{:.1f}" class="{}"><title>{}</title></rect>'
            ).format(number * width + 0.1 * width, top, 0.8 * width, tall, tone, title)
    ground = Markup('<line x1="0" x2="100%" y1="{0}" y2="{0}" class="s-line"/>').format(height - 0.5)
    return Markup('<svg class="chart" width="100%" height="{}" role="img" aria-label="{}">{}{}</svg>').format(
        height, label, drawn, ground
    )


def share(part: float) -> Markup:
    """A bar that is filled to a share of 0 to 1."""
    filled = 100 * min(1.0, max(0.0, part))
    return Markup(
        '<svg class="chart" width="100%" height="4" aria-hidden="true"><rect width="100%" height="4" rx="2" class="f-ghost"/>'
        '<rect width="{:.1f}%" height="4" rx="2" class="f-run"/></svg>'
    ).format(filled)
