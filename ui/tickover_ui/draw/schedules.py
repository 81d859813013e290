"""Schedules: what each fired in the last day and will in the next hours, and the load of the next hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup, escape

from tickover_ui import svg
from tickover_ui.queries.ended import QUARTER
from tickover_ui.queries.schedules import AHEAD, Fired, Row

#: More fires a day than this are drawn as bars, one a quarter of an hour.
_DENSE: Final = 100
_HEIGHT: Final = 26
_TONES: Final = {"ran": "f-ok", "failed": "f-fail", "open": "f-run", "omitted": "f-retry"}


def _axis(at: datetime) -> svg.Axis:
    return svg.Axis(at - timedelta(days=1), at + AHEAD)


def head(at: datetime) -> Markup:
    """The ruler over the strips."""
    axis = _axis(at)
    drawn = axis.ruler(20, keep_clear=at)
    drawn.append(svg.text(axis(at), 11, "now", "ax bad", anchor="middle"))
    return svg.picture(drawn, 22, "The last 24 hours and the next six")


def strip(row: Row, at: datetime) -> Markup:
    """One schedule."""
    axis, middle = _axis(at), _HEIGHT / 2
    drawn = [svg.rect(axis(at), 2, 100 - axis(at), _HEIGHT - 4, "f-band", rx=3), svg.hline(0, 100, middle, "gridl")]
    drawn += _bars(axis, row.fired) if row.total > _DENSE else [_dot(axis, one) for one in row.fired]
    if not row.view.paused and not row.view.orphaned:
        if len(row.ahead) > 24:
            drawn.append(svg.hline(axis(at) + 0.4, axis(row.ahead[-1]), middle, "s-ink4 w2 dashd"))
        else:
            drawn += [f'<circle cx="{svg.n(axis(slot))}%" cy="{middle}" r="3.3" class="fut"/>' for slot in row.ahead]
    drawn.append(svg.vline(axis(at), 0, _HEIGHT, "nowl"))
    said = ", ".join(f"{row.count(end)} {end}" for end in _TONES if row.count(end)) or "nothing"
    return svg.picture(drawn, _HEIGHT, f"{row.view.name} in 24 hours: {said}; {len(row.ahead)} to come in six")


def _bars(axis: svg.Axis, fired: Sequence[Fired]) -> list[str]:
    sums: dict[int, Counter[str]] = {}
    for one in fired:
        sums.setdefault(int(one.at.timestamp() // QUARTER), Counter())[one.end] += one.count
    most = max(sum(counts.values()) for counts in sums.values())
    drawn = []
    for number, counts in sums.items():
        tall = 16 * sum(counts.values()) / most
        tone = next(_TONES[end] for end in ("failed", "omitted", "open", "ran") if counts[end])
        at = datetime.fromtimestamp(number * QUARTER, axis.start.tzinfo)
        title = f"{at:%H:%M} UTC: " + ", ".join(f"{count} {end}" for end, count in counts.items())
        drawn.append(svg.rect(axis(at), (_HEIGHT - tall) / 2, axis.wide(QUARTER) * 0.84, tall, tone, rx=1, title=title))
    return drawn


def _dot(axis: svg.Axis, one: Fired) -> str:
    x, middle = svg.n(axis(one.at)), _HEIGHT / 2
    title = f"<title>{escape(f'{one.at:%H:%M} UTC: {one.count} {one.end}' + (f', {one.reason}' if one.reason else ''))}</title>"
    match one.end:
        case "failed":
            return f'<rect x="{x}%" y="{middle - 4}" width="8" height="8" rx="2" transform="translate(-4 0)" class="f-fail">{title}</rect>'
        case "omitted":
            return f'<circle cx="{x}%" cy="{middle}" r="3.6" class="f-surface s-retry w15">{title}</circle>'
        case "open":
            return f'<circle cx="{x}%" cy="{middle}" r="3.6" class="f-run">{title}</circle>'
        case _:
            return f'<circle cx="{x}%" cy="{middle}" r="3.6" class="f-ok">{title}</circle>'


def next_hour(rows: Sequence[Row], at: datetime) -> Markup:
    """How many jobs the schedules will add, minute by minute."""
    first = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    axis = svg.Axis(first, first + timedelta(hours=1))
    added: Counter[datetime] = Counter()
    names: dict[datetime, list[str]] = {}
    for row in rows:
        if not row.view.paused and not row.view.orphaned:
            for slot in row.ahead:
                if first <= slot < axis.end:
                    minute = slot.replace(second=0, microsecond=0)
                    added[minute] += 1
                    names.setdefault(minute, []).append(row.view.name)
    most = max(added.values(), default=1)
    drawn = []
    for minute, count in added.items():
        tall = 52 * count / most
        tone = "f-sched" if count == 1 else "f-tick" if count < most or most < 3 else "f-run"
        drawn.append(
            svg.rect(
                axis(minute) + 0.2,
                74 - tall,
                axis.wide(46),
                tall,
                tone,
                rx=1,
                title=f"{minute:%H:%M} UTC: {', '.join(sorted(set(names[minute])))}",
            )
        )
    if most > 1:
        top = min(minute for minute, count in added.items() if count == most)
        drawn.append(svg.text(min(88, max(12, axis(top))), 14, f"{most} jobs in one minute", "ax b", anchor="middle"))
    drawn.append(svg.hline(0, 100, 74.5, "rule"))
    for minute in axis.every(60):
        ten = minute.minute % 10 == 0
        drawn.append(svg.vline(axis(minute), 74, 80 if ten else 77, "tooth2" if ten else "tooth"))
        if ten and 2 < axis(minute) < 98:
            drawn.append(svg.when(axis(minute), 91, minute))
    return svg.picture(drawn, 94, f"Jobs that schedules will add in the next hour, by minute: {sum(added.values())}")
