"""Charts as SVG from Python: positions in percent, so they are fluid without a script; colours by class, from the tokens.

Everything here is text until `picture` makes markup of it; what comes from outside goes through `escape`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from markupsafe import Markup, escape

#: Distances between the teeth of a ruler: (long, short) seconds.
_TEETH: Final = (
    (1, 0.2), (5, 1), (10, 1), (30, 5), (60, 10), (120, 30), (300, 60), (600, 60), (1800, 300), (3600, 600), (10_800, 3600),
    (21_600, 3600), (43_200, 10_800), (86_400, 21_600), (172_800, 86_400), (604_800, 86_400), (2_592_000, 604_800),
    (31_536_000, 2_592_000),
)  # fmt: skip
_MOST_LABELS: Final = 11


def picture(
    parts: Iterable[str], height: float, label: str, *, cls: str = "", links: bool = False, width: int | str = "100%"
) -> Markup:
    """The chart itself, named for those who do not see it: one picture, or a group of links."""
    body = "".join(parts)
    return Markup(  # noqa: S704  # made of this module's own texts, and escaped names
        f'<svg class="chart {cls}" width="{width}" height="{n(height)}" role="{"group" if links else "img"}" aria-label="{escape(label)}">{body}</svg>'
    )


def n(value: float) -> str:
    """A number in as few characters as it needs."""
    text = f"{value:.2f}"
    return text.rstrip("0").rstrip(".")


def rect(x: float, y: float, w: float, h: float, cls: str, *, rx: float = 2, title: str = "") -> str:
    """A bar; `x` and `w` in percent. What is too small to see is drawn a hair wide."""
    said = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{n(x)}%" y="{n(y)}" width="{n(max(w, 0.06))}%" height="{n(max(h, 0))}" rx="{n(rx)}" class="{cls}">{said}</rect>'
    )  # fmt: skip


def vline(x: float, y1: float, y2: float, cls: str) -> str:
    """An upright line."""
    return f'<line x1="{n(x)}%" x2="{n(x)}%" y1="{n(y1)}" y2="{n(y2)}" class="{cls}"/>'


def hline(x1: float, x2: float, y: float, cls: str) -> str:
    """A level line."""
    return f'<line x1="{n(x1)}%" x2="{n(x2)}%" y1="{n(y)}" y2="{n(y)}" class="{cls}"/>'


def text(x: float, y: float, said: object, cls: str = "ax", *, anchor: str = "", dx: float = 0) -> str:
    """A word in a chart."""
    where = f' text-anchor="{anchor}"' if anchor else ""
    moved = f' dx="{n(dx)}"' if dx else ""
    return f'<text x="{n(x)}%" y="{n(y)}" class="{cls}"{where}{moved}>{escape(said)}</text>'


def when(x: float, y: float, at: datetime, form: str = "hm", cls: str = "ax", *, anchor: str = "middle") -> str:
    """A time of day; the script writes it anew in the reader's zone."""
    return (
        f'<text x="{n(x)}%" y="{n(y)}" class="{cls}" text-anchor="{anchor}" data-at="{at.astimezone(UTC).isoformat(timespec="seconds")}" '
        f'data-form="{form}">{shown(at, form)}</text>'
    )


def shown(at: datetime, form: str) -> str:
    """A time in UTC: `hm`, `hms` or `day`."""
    return at.astimezone(UTC).strftime({"hm": "%H:%M", "hms": "%H:%M:%S", "day": "%d %b"}[form])


def at_point(x: float, y: float, body: str) -> str:
    """Something in pixels, at a place in percent."""
    return f'<svg x="{n(x)}%" y="{n(y)}" overflow="visible">{body}</svg>'


def link(to: str, body: str, *, cls: str = "", label: str = "", current: bool = False) -> str:
    """Something to click."""
    here = ' aria-current="true"' if current else ""
    return f'<a href="{escape(to)}" class="{cls}" aria-label="{escape(label)}"{here}>{body}</a>'


def area(values: Sequence[float], y: float, h: float, cls: str) -> str:
    """A filled line over the whole width; a single value is a level line, and none is nothing."""
    if not values:
        return ""
    values = values if len(values) > 1 else [values[0], values[0]]
    most = max(values) or 1
    step = 1000 / (len(values) - 1)
    line = "L".join(f"{n(i * step)} {n(100 - 100 * value / most)}" for i, value in enumerate(values))
    return (
        f'<svg x="0" y="{n(y)}" width="100%" height="{n(h)}" viewBox="0 0 1000 100" preserveAspectRatio="none">'
        f'<path d="M{line}L1000 100L0 100Z" class="{cls}-a"/>'
        f'<path d="M{line}" class="{cls}-l" vector-effect="non-scaling-stroke"/></svg>'
    )


@dataclass(frozen=True, slots=True)
class Axis:
    """Time to percent."""

    start: datetime
    end: datetime

    def __call__(self, at: datetime) -> float:
        share = (at - self.start) / max(self.end - self.start, timedelta(milliseconds=1))
        return 100 * min(1.0, max(0.0, share))

    def wide(self, seconds: float) -> float:
        """How much of it a duration takes."""
        return 100 * seconds / max(0.001, (self.end - self.start).total_seconds())

    def ruler(self, y: float = 20, *, grid_to: float = 0, keep_clear: datetime | None = None) -> list[str]:
        """The toothed ruler, with as many labels as there is room for; none beside `keep_clear`."""
        span = (self.end - self.start).total_seconds()
        long, short = next((pair for pair in _TEETH if span / pair[0] <= _MOST_LABELS), _TEETH[-1])
        form = "hms" if long < 60 else "hm" if long < 86_400 else "day"
        drawn = [hline(0, 100, y - 0.5, "rule")]
        drawn += [vline(self(at), y - 4, y, "tooth") for at in self.every(short)]
        for at in self.every(long):
            x = self(at)
            drawn.append(vline(x, y - 7, y, "tooth2"))
            if grid_to:
                drawn.append(vline(x, y, grid_to, "gridl"))
            if 2 < x < 98 and (keep_clear is None or abs(x - self(keep_clear)) > (7 if form == "hms" else 4)):
                drawn.append(when(x, y - 9, at, form))
        return drawn

    def every(self, seconds: float) -> list[datetime]:
        """Round instants of the axis, at most 400."""
        first = -(-self.start.timestamp() // seconds) * seconds
        count = min(400, int((self.end.timestamp() - first) // seconds) + 1)
        return [datetime.fromtimestamp(first + i * seconds, UTC) for i in range(count)]

    def now_line(self, at: datetime, y: float, *, named: bool = True) -> list[str]:
        """The red line, which is always now."""
        x = self(at)
        return [
            vline(x, 12, y, "nowl"),
            *([text(x, 9, "now", "ax bad", anchor="middle" if x < 98 else "end")] if named else []),
        ]


def lanes(spans: Sequence[tuple[float, float]], *, gap: float = 0) -> list[int]:
    """For spans in the order of their starts, the first lane in which each has room."""
    free: list[float] = []
    given = []
    for start, end in spans:
        lane = next((i for i, until in enumerate(free) if until + gap <= start), len(free))
        if lane == len(free):
            free.append(end)
        free[lane] = end
        given.append(lane)
    return given


def cells(x: float, y: float, w: float, h: float, *, rows: int, tones: Sequence[str]) -> str:
    """A bar packed with cells, one tone each, column by column: a path for each tone, whatever their number."""
    columns = max(1, -(-len(tones) // rows))
    paths: dict[str, list[str]] = {}
    for i, tone in enumerate(tones):
        paths.setdefault(tone, []).append(f"M{n(i // rows + 0.06)} {n(i % rows + 0.12)}h.88v.76h-.88z")
    body = "".join(f'<path class="{tone}" d="{"".join(path)}"/>' for tone, path in paths.items())
    return (
        f'<svg x="{n(x)}%" y="{n(y)}" width="{n(w)}%" height="{n(h)}" viewBox="0 0 {columns} {rows}" preserveAspectRatio="none">'
        f"{body}</svg>"
    )


def spark(values: Sequence[float], *, bad: bool = False, width: int = 72) -> Markup:
    """A line of a few pixels beside a number; nothing while there are fewer than two values, or only zeros."""
    if len(values) < 2 or not any(values):
        return Markup("")
    most, height = max(values), 20
    step = (width - 2) / (len(values) - 1)
    points = [(1 + i * step, height - 2 - (height - 4) * value / most) for i, value in enumerate(values)]
    line = "L".join(f"{n(x)} {n(y)}" for x, y in points)
    return Markup(  # noqa: S704  # numbers
        f'<svg class="spk{" bad" if bad else ""}" width="{width}" height="{height}" viewBox="0 0 {width} {height}" aria-hidden="true">'
        f'<path d="M{line}L{width - 1} {height}L1 {height}Z" class="spk-a"/><path d="M{line}" class="spk-l"/>'
        f'<circle cx="{n(points[-1][0])}" cy="{n(points[-1][1])}" r="1.8" class="spk-d"/></svg>'
    )


def segments(parts: Iterable[tuple[float, str]], height: float = 5, label: str = "") -> Markup:
    """A bar of shares from 0 to 1, drawn from left to right."""
    x, drawn = 0.0, [f'<rect width="100%" height="{n(height)}" class="f-track"/>']
    for given, cls in parts:
        share = min(max(0.0, given), 1 - x)
        if share:
            drawn.append(f'<rect x="{n(100 * x)}%" width="{n(100 * share)}%" height="{n(height)}" class="{cls}"/>')
        x += share
    return Markup(  # noqa: S704  # numbers, and an escaped label
        f'<svg class="segbar" width="100%" height="{n(height)}" role="img" aria-label="{escape(label)}">{"".join(drawn)}</svg>'
    )


def stacked(
    axis: Axis, seconds: float, values: Iterable[tuple[datetime, Sequence[int]]], tones: Sequence[str], names: Sequence[str],
    *, floor: float, height: float, most: float = 0, label: Callable[[datetime], str] = lambda at: f"{at:%H:%M} UTC",
) -> list[str]:  # fmt: skip
    """Columns of a duration each, their parts on top of one another; the scale begins at 0."""
    kept = [(at, counts) for at, counts in values if any(counts)]
    most = most or max((sum(counts) for _, counts in kept), default=1)
    drawn = []
    for at, counts in kept:
        x = axis(at)
        y, w = floor, max(0.1, min(axis.wide(seconds), 100 - x, axis(at + timedelta(seconds=seconds)) - x))
        title = label(at) + ": " + ", ".join(f"{c} {name}" for c, name in zip(counts, names, strict=True) if c)
        for count, tone in zip(counts, tones, strict=True):
            if count:
                tall = max(2.0, height * count / most)  # one failure among a thousand jobs is still seen
                y -= tall
                drawn.append(rect(x + 0.08 * w, y, 0.84 * w, tall - 0.4, tone, rx=1, title=title))
    return drawn
