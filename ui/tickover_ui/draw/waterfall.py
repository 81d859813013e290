"""A job's life across ticks: each run to scale among the runs, the idle time between them squeezed and labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from tickover_ui import svg
from tickover_ui.draw.ticks import source
from tickover_ui.queries.job import Mark, Run, Seen
from tickover_ui.words import duration

_ROW: Final = 27
_TOP: Final = 62
_FOOT: Final = 32
#: Runs that have a band of their own: the first, and the last so many.
MOST_RUNS: Final = 9
#: Steps that have a row of their own.
MOST_STEPS: Final = 24
_WIDEST_GAP: Final = 9.0
_LEAST: Final = 0.1
_WHY: Final = {
    "JobRetrying": "back-off",
    "JobYielded": "handed back",
    "JobReclaimed": "lease lost",
    "JobPaused": "paused",
    "JobFailed": "dead",
    "JobCancelled": "cancelled",
}
_TONES: Final = {
    "": "f-run",
    "JobRetrying": "f-fail",
    "JobFailed": "f-dead",
    "JobReclaimed": "f-fail",
    "JobCancelled": "f-off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A run, and where it is drawn."""

    run: Run
    end: datetime
    left: float
    right: float

    def __call__(self, at: datetime) -> float:
        share = (at - self.run.start) / max(self.end - self.run.start, timedelta(milliseconds=1))
        return self.left + (self.right - self.left) * min(1.0, max(0.0, share))

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies in it, give or take what clocks of statements differ by."""
        return self.run.start - timedelta(milliseconds=50) <= at <= self.end + timedelta(milliseconds=50)


def bands(seen: Seen) -> list[Band]:
    """The runs with their places: wide in proportion, but none too narrow for its label."""
    runs = seen.runs if len(seen.runs) <= MOST_RUNS else [seen.runs[0], *seen.runs[-MOST_RUNS + 1 :]]
    ends = [run.end or seen.now for run in runs]
    gaps = [_gap(ends[i], runs[i + 1].start, len(runs)) for i in range(len(runs) - 1)]
    tail = 6.0 if seen.job.finished_at is None and runs and runs[-1].end is not None else 0.0
    room = 100 - sum(gaps) - tail
    lasted = [max(0.001, (end - run.start).total_seconds()) for run, end in zip(runs, ends, strict=True)]
    least = min(11.0, room / max(1, len(runs)))
    spare = room - least * len(runs)
    made, left = [], 0.0
    for i, (run, end) in enumerate(zip(runs, ends, strict=True)):
        wide = least + spare * lasted[i] / sum(lasted)
        made.append(Band(run=run, end=end, left=left, right=left + wide))
        left += wide + (gaps[i] if i < len(gaps) else 0)
    return made


def _gap(end: datetime, start: datetime, count: int) -> float:
    return 1.2 if (start - end).total_seconds() < _LEAST else min(_WIDEST_GAP, 46 / count)


def rows_of(seen: Seen) -> list[Mark | None]:
    """The steps that have a row; None stands for those that are folded."""
    steps = [
        mark for mark in seen.steps if not mark.key.endswith(("/slots", "/until"))
    ]  # what replays need beside the step itself
    if len(steps) <= MOST_STEPS and not seen.hidden:
        return list(steps)
    head, tail = steps[: MOST_STEPS // 3], steps[-MOST_STEPS // 2 :]
    failed = [mark for mark in steps if mark.failed and mark not in head and mark not in tail][:4]
    return [*head, None, *failed, *tail]


def waterfall(seen: Seen) -> Markup:
    """The chart; empty where no run is on record."""
    made = bands(seen)
    if not made:
        return Markup("")
    lines = rows_of(seen)
    height = _TOP + _ROW * (1 + len(lines)) + _FOOT
    floor = height - _FOOT
    drawn = [svg.rect(band.left, 4, band.right - band.left, floor - 4, "f-band", rx=5) for band in made]
    for number, mark in enumerate(lines):
        if mark is not None and seen.chosen is not None and mark.key == seen.chosen.key:
            drawn.append(svg.rect(0, _TOP + _ROW * (number + 1), 100, _ROW, "selrow", rx=0))
    drawn += [svg.hline(0, 100, _TOP + _ROW * i + 0.5, "gridl") for i in range(len(lines) + 2)]
    for i, band in enumerate(made):
        drawn += _head(seen, band)
        drawn += _root(seen, band, made[i + 1] if i + 1 < len(made) else None, floor)
        drawn += _foot(seen, band, floor)
    for number, mark in enumerate(lines):
        if mark is not None:
            drawn += _step(mark, _TOP + _ROW * (number + 1), made)
    if seen.job.finished_at is None:
        drawn.append(svg.vline(100, 4, floor, "nowl"))
    return svg.picture(
        drawn, height, f"{len(seen.steps)} steps over {len(seen.runs)} runs; idle time between them is squeezed"
    )


def _head(seen: Seen, band: Band) -> list[str]:
    tick = seen.ticks.get(band.run.tick)
    icon = source(tick.trigger)[0] if tick else "ticks"
    lasted = (band.end - band.run.start).total_seconds()
    live = band.run.end is None
    body = (
        f'<g transform="translate(5 0)"><use href="#i-{icon}" width="12" height="12" class="bi"/><text x="16" y="10" class="ax b">{band.run.tick[-6:]}</text>'
        f'<text x="0" y="25" class="ax" data-at="{band.run.start.isoformat()}" data-form="hms">{svg.shown(band.run.start, "hms")}</text>'
        f'<text x="0" y="39" class="ax{" run" if live else ""}">{duration(lasted)}{", now" if live else ""}</text></g>'
    )
    drawn = [svg.at_point(band.left, 8, body)]
    if tick and tick.cold:
        drawn.append(
            svg.at_point(band.right, 8, '<use href="#i-snow" x="-15" y="29" width="11" height="11" class="cold"/>')
        )
    return drawn


def _root(seen: Seen, band: Band, following: Band | None, floor: float) -> list[str]:
    """The job's own row: its run, and how it ended; then the gap, with its length and reason."""
    run, y = band.run, _TOP
    tone = _TONES.get(run.outcome, "f-tick")
    drawn = [
        svg.rect(
            band.left,
            y + 11,
            band.right - band.left,
            5,
            tone,
            rx=2.5,
            title=f"{run.outcome.removeprefix('Job') or 'Running'} {run.said}".strip(),
        )
    ]
    tick = seen.ticks.get(run.tick)
    if run.outcome == "JobYielded" or (
        tick is not None and tick.near_deadline and run.outcome not in ("JobCompleted", "JobFailed")
    ):
        drawn.append(
            svg.rect(band.right - 0.45, y + 7, 0.45, 13, "f-ink", rx=0, title="handed back: the deadline was near")
        )
    start = following.run.start if following else seen.now if seen.job.finished_at is None else None
    if start is None or run.end is None:
        return drawn
    right = following.left if following else 100.0
    drawn.append(svg.hline(band.right, right, y + 13.5, "s-ink4 dot2 w15"))
    idle = (start - run.end).total_seconds()
    if idle >= _LEAST and right - band.right > 3:
        middle = (band.right + right) / 2
        why = _WHY.get(run.outcome) or (
            run.said.split(" ")[0].replace("_", "-")[:10] if run.outcome == "JobWaiting" else "idle"
        )
        zig = "".join(f"l{3 if i % 2 == 0 else -3} 6.5" for i in range(int((floor - 58) / 6.5)))
        drawn += [
            svg.text(middle, 33, duration(idle), "ax b", anchor="middle"),
            svg.text(middle, 47, why, anchor="middle"),
            svg.at_point(middle, 0, f'<path d="M-1.5 56{zig}" class="zig"/>'),
        ]
    return drawn


def _foot(seen: Seen, band: Band, floor: float) -> list[str]:
    """How much of its budget the tick had left when this run ended."""
    tick = seen.ticks.get(band.run.tick)
    if tick is None:
        return []
    budget = max(0.001, (tick.deadline_at - tick.started_at).total_seconds())
    left = max(0.0, (tick.deadline_at - band.end).total_seconds())
    wide = band.right - band.left - 1
    return [
        svg.rect(band.left + 0.5, floor + 7, wide, 5, "f-track", rx=2.5),
        svg.rect(
            band.left + 0.5,
            floor + 7,
            wide * (1 - min(1.0, left / budget)),
            5,
            "f-run" if band.run.end is None else "f-tick",
            rx=2.5,
        ),
        svg.text(band.left + 0.5, floor + 24, f"{duration(left)} left"),
    ]


def _step(mark: Mark, y: float, made: Sequence[Band]) -> list[str]:
    """A bar in the run that recorded it, or a line up to it where it waited; later runs took it from its checkpoint."""
    begun = mark.at - timedelta(seconds=mark.seconds or 0)
    home = next((i for i, band in enumerate(made) if band.run.tick == mark.tick and band.holds(mark.at)), None)
    home = next((i for i, band in enumerate(made) if band.holds(mark.at)), None) if home is None else home
    title = f"{mark.key}, {mark.kind}: {duration(mark.seconds)}"
    if home is None:  # recorded by a run that has no band here
        return []
    band = made[home]
    x, end = band(max(begun, band.run.start)), band(mark.at)
    if mark.kind in ("sleep", "signal", "wait", "callback", "timer"):
        drawn = [svg.rect(max(0.0, end - 0.3), y + 7, 0.7, 13, "f-wait", rx=1.5, title=title)]
        if home + 1 < len(made):
            drawn.append(svg.hline(end + 0.4, made[home + 1].left, y + 13.5, "s-wait w15 dot2"))
    else:
        drawn = [svg.rect(x, y + 7, max(end - x, 0.55), 13, "f-fail" if mark.failed else "f-ok", rx=2.5, title=title)]
        if end < 93 and mark.seconds is not None:
            drawn.append(svg.text(max(end, x + 0.55), y + 17.5, duration(mark.seconds), dx=5))
    for later in made[home + 1 :]:
        drawn.append(
            svg.at_point(
                later.left,
                y + 13.5,
                '<circle cx="6" r="2" class="replay"><title>taken from its checkpoint</title></circle>',
            )
        )
    return drawn
