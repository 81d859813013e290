"""Ticks: lanes by what woke them, each bar one invocation; a day in quarters of an hour; one tick slot by slot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from markupsafe import Markup, escape

from tickover_ui import svg
from tickover_ui.queries.ended import QUARTER, Quarter
from tickover_ui.queries.ticks import Run, Tick, Ticks

Link = Callable[..., str]
#: What wakes a tick: its icon, and its name. Others come after them under their own name.
SOURCES: Final = {
    "timer": ("timer", "Timer"), "chain": ("chain", "Chain"), "webhook": ("hook", "Webhook"), "http": ("hook", "HTTP"), "sqs": ("sqs", "SQS"),
    "wake": ("bolt", "Wake"), "alarm": ("clock", "Alarm"), "manual": ("hand", "Manual"), "cli": ("hand", "Command line"), "dev": ("hand", "Dev server"),
}  # fmt: skip
STOPPED: Final = {
    "empty": "nothing more was due", "max_jobs": "it had its number of jobs", "deadline": "its deadline was near", "paused": "the fleet was paused", "error": "an error",
}  # fmt: skip
#: Cells of one bar, where few ticks are seen and where many are.
_MOST_CELLS: Final = (60, 15)
_MANY: Final = 120
_MOST_LANES: Final = 6
_ROW: Final = 22
_TONES: Final = {
    "JobCompleted": "f-tick", "JobFailed": "f-fail", "JobRetrying": "f-retry", "JobWaiting": "f-wait", "JobYielded": "f-off",
    "JobReclaimed": "f-fail", "JobCancelled": "f-off", "JobPaused": "f-off", "": "f-run",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The ticks of one source, and where they are drawn."""

    icon: str
    name: str
    ticks: list[Tick]
    y: float
    lanes: int


def source(trigger: str) -> tuple[str, str]:
    """(icon, name) of a trigger."""
    return SOURCES.get(trigger, ("bolt", trigger.capitalize()))


def said(tick: Tick, at: datetime) -> str:
    """How a tick ended, in words."""
    if tick.crashed(at):
        return "it never said that it ended"
    return STOPPED.get(tick.stopped_because or "", tick.stopped_because or "") if tick.ended_at else "it runs now"


def groups(seen: Ticks) -> tuple[list[Group], float]:
    """The ticks by source, in a fixed order, and how tall that is."""
    order = list(SOURCES)
    names = sorted(
        {tick.trigger for tick in seen.ticks}, key=lambda name: (order.index(name) if name in order else 99, name)
    )
    made, y = [], 32.0
    for name in names:
        mine = [tick for tick in seen.ticks if tick.trigger == name]
        tall = min(_MOST_LANES, 1 + max(svg.lanes([_span(tick, seen.now) for tick in mine], gap=1), default=0))
        icon, title = source(name)
        made.append(Group(icon=icon, name=title, ticks=mine, y=y, lanes=tall))
        y += tall * _ROW + 14
    return made, y - 4


def _span(tick: Tick, at: datetime) -> tuple[float, float]:
    return tick.started_at.timestamp(), tick.until(at).timestamp()


def labels(made: Sequence[Group], height: float) -> Markup:
    """The names of the lanes, beside the chart."""
    drawn = [
        f'<use href="#i-{one.icon}" x="14" y="{svg.n(one.y + 1)}" width="14" height="14" class="bi"/><text x="36" y="{svg.n(one.y + 12)}" class="lb">{escape(one.name)}</text>'
        f'<text x="118" y="{svg.n(one.y + 12)}" class="ax" text-anchor="end">{len(one.ticks)}</text>'
        for one in made
    ]
    return svg.picture(drawn, height, ", ".join(f"{one.name} {len(one.ticks)}" for one in made), cls="names")


def by_source(seen: Ticks, link: Link) -> Markup:
    """The main chart."""
    made, height = groups(seen)
    ahead = (
        timedelta(minutes=(seen.until - seen.since).total_seconds() / 60 / 12)
        if seen.until == seen.now
        else timedelta()
    )
    axis = svg.Axis(seen.since, seen.until + ahead)
    drawn = axis.ruler(22, grid_to=height, keep_clear=seen.now if ahead else None)
    if ahead:
        drawn.append(svg.rect(axis(seen.now), 22, 100 - axis(seen.now), height - 22, "f-band", rx=0))
    for number, group in enumerate(made):
        if number:
            drawn.append(svg.hline(0, 100, group.y - 7.5, "sepl"))
        placed = svg.lanes([_span(tick, seen.now) for tick in group.ticks], gap=1)
        after: dict[int, datetime] = {}
        for tick, lane in reversed(list(zip(group.ticks, placed, strict=True))):
            if lane < _MOST_LANES:
                drawn.append(_bar(axis, tick, group.y + lane * _ROW, after.get(lane), seen=seen, link=link))
            after[lane] = tick.started_at
    if ahead:
        drawn += axis.now_line(seen.now, height)
    return svg.picture(
        drawn, height, f"{len(seen.ticks)} ticks by what woke them; the table below says the same", links=True
    )


def _bar(axis: svg.Axis, tick: Tick, y: float, following: datetime | None, *, seen: Ticks, link: Link) -> str:
    """One invocation: its budget, what it packed, where it began cold or stopped near its deadline."""
    start, end = axis(tick.started_at), axis(tick.until(seen.now))
    room = min(tick.deadline_at, following - timedelta(seconds=1) if following else tick.deadline_at, axis.end)
    crashed = tick.crashed(seen.now)
    width = max(end - start, 0.12)
    drawn = [svg.rect(start, y, max(axis(room) - start, 0), 17, "f-lost" if crashed else "f-ghost", rx=3)]
    if tick.deadline_at <= room:
        drawn.append(svg.vline(axis(tick.deadline_at), y + 1, y + 16, "deadl"))
    title = f"Tick {tick.id[-8:]}: {tick.claimed} jobs, {said(tick, seen.now)}"
    drawn.append(svg.rect(start, y, width, 17, "tick", rx=3, title=title))
    if tones := _cells(tick, _MOST_CELLS[len(seen.ticks) > _MANY], live=tick.live(seen.now)):
        drawn.append(svg.cells(start, y + 1.5, width, 14, rows=min(3, len(tones)), tones=tones))
    if tick.cold:
        drawn.append(svg.rect(start, y, 0.3, 17, "f-cold", rx=1.5))
    if tick.near_deadline:
        drawn.append(svg.rect(max(0, end - 0.14), y, 0.18, 17, "f-ink", rx=0))
    if crashed:
        drawn.append(svg.at_point(end, y, '<use href="#s-failed" x="-6" y="2" width="13" height="13" class="t-fail"/>'))
    current = bool(seen.chosen and seen.chosen.id == tick.id)
    if current:
        drawn.append(svg.rect(max(0, start - 0.15), y - 2.5, width + 0.3, 22, "selbox", rx=5))
    return svg.link(link(tick=tick.id), "".join(drawn), cls="hot", label=title, current=current)


def _cells(tick: Tick, most: int, *, live: bool) -> list[str]:
    """One cell a settled job, those that went well first; of very many each stands for several."""
    parts = (
        (tick.completed + tick.parked, "f-run" if live else "f-tick"),
        (tick.yielded + tick.released, "f-off"),
        (tick.retried, "f-retry"),
        (tick.failed, "f-fail"),
    )
    total = sum(count for count, _ in parts)
    each = max(1.0, total / most)
    return [tone for count, tone in parts if count for _ in range(max(1, round(count / each)))]


def day(quarters: Sequence[Quarter], at: datetime, since: datetime, until: datetime) -> Markup:
    """Seconds of runs in each quarter of an hour of the last day, with what failed on top; the chosen stretch is marked."""
    axis = svg.Axis(at - timedelta(days=1), at)
    sums: dict[datetime, list[int]] = {}
    for one in quarters:
        mine = sums.setdefault(one.at, [0, 0, 0])
        for i, count in enumerate((one.completed, one.retried, one.failed)):
            mine[i] += count
    left = axis(since)
    drawn = [svg.rect(left, -4, max(axis(until) - left, 0.4), 39, "brush", rx=3)]
    drawn += svg.stacked(
        axis,
        QUARTER,
        sums.items(),
        ("f-sched", "f-retry", "f-fail"),
        ("completed", "retried", "failed"),
        floor=34,
        height=28,
    )
    drawn.append(svg.hline(0, 100, 34.5, "rule"))
    for hour in axis.every(10_800):
        drawn.append(svg.vline(axis(hour), 34, 39, "tooth2"))
        if 2 < axis(hour) < 98:
            drawn.append(svg.when(axis(hour), 49, hour))
    return svg.picture(drawn, 52, "Runs that ended in each quarter of an hour of the last 24 hours")


def slots(tick: Tick, runs: Sequence[Run], at: datetime, job: Callable[[str], str]) -> Markup:
    """One tick: which job ran when, in as many rows as ran at once."""
    budget = max(1.0, (tick.deadline_at - tick.started_at).total_seconds())
    axis = svg.Axis(tick.started_at, tick.started_at + timedelta(seconds=budget * 1.02))
    end = tick.until(at)
    placed = svg.lanes([(run.start.timestamp(), (run.end or end).timestamp()) for run in runs])
    rows = min(12, 1 + max(placed, default=0))
    bottom = 26 + 18 * rows
    drawn = [svg.hline(0, 100, 19.5, "rule")]
    step = next(size for size in (1, 2, 5, 10, 30, 60, 120, 300) if budget / size <= 8)
    for i in range(int(budget // step) + 1):
        x = axis.wide(i * step)
        drawn += [
            svg.vline(x, 13, 20, "tooth2"),
            svg.text(x, 11, f"{i * step} s", anchor="start" if i == 0 else "end" if x > 97 else "middle"),
        ]
    drawn.append(
        svg.rect(axis(end), 20, 100 - axis(end), bottom - 20, "f-lost" if tick.crashed(at) else "f-ghost", rx=0)
    )
    if tick.cold:
        drawn.append(svg.rect(0, 24, 0.4, bottom - 26, "f-cold", rx=1))
    for run, lane in zip(runs, placed, strict=True):
        if lane < rows:
            drawn.append(_run(axis, run, 25 + 18 * lane, end, job))
    drawn.append(svg.vline(axis(tick.deadline_at), 22, bottom, "deadl"))
    if tick.near_deadline:
        drawn.append(svg.rect(axis(end) - 0.1, 22, 0.2, bottom - 22, "f-ink", rx=0))
    lasted = (end - tick.started_at).total_seconds()
    drawn.append(
        svg.text(
            axis(end),
            bottom + 13,
            f"{'runs for' if tick.live(at) else 'ended after'} {lasted:.1f} s",
            "ax b",
            anchor="end" if axis(end) > 20 else "start",
        )
    )
    return svg.picture(drawn, bottom + 18, f"{len(runs)} runs of one tick in {rows} rows", links=True)


def _run(axis: svg.Axis, run: Run, y: float, end: datetime, job: Callable[[str], str]) -> str:
    x, until = axis(run.start), axis(run.end or end)
    took = ((run.end or end) - run.start).total_seconds()
    name = f"{run.kind} {run.job_id[-8:]}, {took:.1f} s, {run.outcome.removeprefix('Job').lower() or 'running'}"
    body = svg.rect(x, y, max(until - x - 0.1, 0.1), 15, _TONES.get(run.outcome, "f-off"), rx=2.5, title=name)
    if until - x > 1.1 * len(run.kind):
        body += svg.text(x, y + 11, run.kind, "ax inb", dx=6)
    return f'<a href="{escape(job(run.job_id))}" class="hot" aria-label="{escape(name)}">{body}</a>'


def moment(text: str | None) -> datetime | None:
    """The instant that an address names, in seconds since 1970; None for what is no such number."""
    try:
        return datetime.fromtimestamp(float(text), UTC) if text else None
    except (ValueError, OverflowError, OSError):
        return None
