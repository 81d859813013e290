"""One workflow as a tree with its own small Gantt, and the children of a fan-out as a matrix, one cell each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from tickover_ui import svg
from tickover_ui.queries.workflows import Child, FanOut, Root, StepRow, Workflows
from tickover_ui.words import duration

_ROW: Final = 32
_TOP: Final = 26
_WIDE: Final = 40
#: Children that have a cell of their own, with a link; of more, a cell stands for several.
_CELLS: Final = 800
_TONES: Final = {
    "completed": "f-ok", "running": "f-run", "pending": "f-sched", "retrying": "f-retry", "failed": "f-fail", "waiting": "f-wait",
    "paused": "f-off", "cancelled": "f-off",
}  # fmt: skip
#: Of several children in one cell, the one that needs somebody most is shown.
WORST: Final = ("failed", "retrying", "paused", "running", "waiting", "pending", "cancelled", "completed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the tree."""

    depth: int
    state: str
    name: str
    note: str = ""
    fan: FanOut | None = None
    step: StepRow | None = None
    #: The state of the children that it stands for.
    of: str = ""


def tree(seen: Workflows) -> list[Line]:
    """The root, its steps and fan-outs in the order in which they began, and below the chosen fan-out its children by state."""
    root = seen.chosen
    if root is None:
        return []
    lines = [Line(depth=0, state=root.shown_state, name=root.kind)]
    fans = {fan.step_key: fan for fan in root.fans}
    recorded = {step.key for step in seen.steps}
    parts: list[tuple[datetime, Line]] = [
        (
            fans[step.key].created_at if step.key in fans else step.at - timedelta(seconds=step.seconds or 0),
            Line(depth=1, state="failed" if step.error else "completed", name=step.key, step=step, fan=fans.get(step.key), note=_note(fans.get(step.key))),
        )
        for step in seen.steps
        if not step.key.endswith("/slots")  # what a fan-out gave, recorded once more for replays
    ]  # fmt: skip
    parts += [
        (fan.created_at, Line(depth=1, state=_state(fan), name=fan.step_key, note=_note(fan), fan=fan))
        for fan in root.fans
        if fan.step_key not in recorded
    ]
    for _, line in sorted(parts, key=lambda pair: pair[0]):
        lines.append(line)
        if line.fan is not None and line.fan is seen.fan:
            lines += [
                Line(depth=2, state=state, name=f"{state}, {seen.by_state[state]}", of=state)
                for state in reversed(WORST)
                if seen.by_state[state]
            ]
    if root.state == "waiting" and root.wait_kind != "fan_out":
        lines.append(Line(depth=1, state="waiting", name=f"{root.wait_kind} {root.wait_ref or ''}".strip()))
    return lines


def _note(fan: FanOut | None) -> str:
    return f"{fan.over}/{fan.total}" if fan else ""


def _state(fan: FanOut) -> str:
    return {"open": "running", "completed": "completed", "cancelled": "cancelled"}.get(fan.status, "failed")


def gantt(seen: Workflows, lines: Sequence[Line]) -> Markup:
    """The lines on one axis, with the end that the pace of the children foretells."""
    root, at = seen.chosen, seen.now
    if root is None:
        return Markup("")
    expected = seen.fan and eta(seen.fan, at)
    end = root.until(at)
    margin = timedelta(seconds=0.12 * max(5.0, (end - root.created_at).total_seconds()))
    axis = svg.Axis(
        root.created_at,
        max(end, end + timedelta(seconds=1.25 * expected) if expected else end)
        + (margin if root.finished_at is None else timedelta()),
    )
    height = _TOP + _ROW * len(lines)
    drawn = axis.ruler(22, grid_to=height, keep_clear=at if root.finished_at is None else None)
    if root.finished_at is None:
        drawn.append(svg.rect(axis(at), 22, 100 - axis(at), height - 22, "f-band", rx=0))
    for number, line in enumerate(lines):
        y = _TOP + _ROW * number
        if line.fan is not None and line.fan is seen.fan:
            drawn.append(svg.rect(0, y, 100, _ROW, "selrow", rx=0))
        drawn.append(svg.hline(0, 100, y + 0.5, "gridl"))
        drawn += _line(axis, line, y, seen, root)
        if expected and line.fan is seen.fan and line.fan is not None:
            drawn.append(svg.rect(axis(at), y + 11, axis.wide(expected), 10, "ghostbar"))
            drawn.append(svg.text(axis(at + timedelta(seconds=expected)), y + 20, f"{duration(expected)} to go", dx=5))
    if root.finished_at is None:
        drawn += axis.now_line(at, height)
    return svg.picture(drawn, height, f"Steps of {root.kind} on a time axis")


def _line(axis: svg.Axis, line: Line, y: float, seen: Workflows, root: Root) -> list[str]:
    at = seen.now
    if line.depth == 0:
        return [
            svg.rect(
                axis(root.created_at),
                y + 13,
                axis(root.until(at)) - axis(root.created_at),
                6,
                _TONES.get(line.state, "f-tick"),
                rx=3,
            )
        ]
    if line.of:
        return _children(axis, [child for child in seen.children if child.state == line.of], line.of, y, at)
    if line.fan is not None and line.fan is seen.fan:
        return _density(axis, seen.children, line.fan, y)
    if line.fan is not None:
        end = line.fan.decided_at or at
        return [
            svg.rect(
                axis(line.fan.created_at),
                y + 11,
                axis(end) - axis(line.fan.created_at),
                10,
                "f-okw" if line.fan.decided_at else "f-run",
                title=f"{line.name}: {line.note}",
            )
        ]
    if line.step is not None:
        begun = line.step.at - timedelta(seconds=line.step.seconds or 0)
        title = f"{line.name}: {duration(line.step.seconds)}"
        return [
            svg.rect(
                min(axis(begun), 99.4),
                y + 10,
                max(axis(line.step.at) - axis(begun), 0.5),
                12,
                "f-fail" if line.step.error else "f-ok",
                rx=1.5,
                title=title,
            )
        ]
    return [svg.hline(axis(seen.steps[-1].at if seen.steps else root.created_at), axis(at), y + 16, "s-wait w15 dash")]


def _density(axis: svg.Axis, children: Sequence[Child], fan: FanOut, y: float) -> list[str]:
    """How many children ended when: at most 40 columns."""
    ended = [child for child in children if child.finished_at]
    if not ended:
        return []
    last = max(child.finished_at for child in ended if child.finished_at)
    span = max(1.0, (last - fan.created_at).total_seconds())
    bins = min(40, max(1, int(axis.wide(span) / 1.2)))
    counts: list[list[int]] = [[0, 0] for _ in range(bins)]
    for child in ended:
        if child.finished_at:
            place = min(bins - 1, int((child.finished_at - fan.created_at).total_seconds() / span * bins))
            counts[place][child.state != "completed"] += 1
    values = [(fan.created_at + timedelta(seconds=span * i / bins), pair) for i, pair in enumerate(counts)]
    return svg.stacked(
        axis, span / bins, values, ("f-ok", "f-fail"), ("completed", "ended otherwise"), floor=y + 26, height=18
    )


def _children(axis: svg.Axis, children: Sequence[Child], state: str, y: float, at: datetime) -> list[str]:
    tone = _TONES[state]
    spans = [(child.started_at, child.finished_at or at) for child in children if child.started_at]
    if state == "completed" and spans:
        first, last = min(start for start, _ in spans), max(end for _, end in spans)
        return [
            svg.rect(axis(first), y + 11, axis(last) - axis(first), 10, "f-okw"),
            svg.rect(axis(first), y + 11, axis(last) - axis(first), 2, "f-ok", rx=1),
        ]
    if state == "running":
        return [
            svg.rect(axis(start), y + 6 + i % 5 * 4.2, axis(end) - axis(start), 3, tone, rx=1.2)
            for i, (start, end) in enumerate(spans[:40])
        ]
    if spans:
        return [
            svg.rect(axis(end if state == "failed" else start), y + 10, 0.55, 12, tone, rx=1.5)
            for start, end in spans[:200]
        ]
    return [svg.hline(axis(axis.start), axis(at), y + 16, "s-ink4 dot2 w15")]


def eta(fan: FanOut, at: datetime) -> float | None:
    """Seconds until the last child has ended if the others take as long; None when it is over, or none has ended yet."""
    lasted = (at - fan.created_at).total_seconds()
    if fan.status != "open" or not fan.over or fan.over >= fan.total or lasted <= 0:
        return None
    return (fan.total - fan.over) * lasted / fan.over


def matrix(seen: Workflows, link: Callable[[str], str]) -> Markup:
    """One cell a child."""
    children = seen.children
    each = max(1, -(-len(children) // _CELLS))
    drawn = []
    stretches = [children[i : i + each] for i in range(0, len(children), each)]
    for number, some in enumerate(stretches):
        shown = min(some, key=lambda child: WORST.index(child.state))
        x, y = number % _WIDE * 100 / _WIDE, number // _WIDE * 17
        title = (
            f"child {shown.index}: {shown.state}"
            if each == 1
            else f"children {some[0].index} to {some[-1].index}, one of them {shown.state}"
        )
        high = " hi" if seen.child and any(child.id == seen.child.id for child in some) else ""
        cell = f'<rect x="{svg.n(x + 0.1)}%" y="{y + 1}" width="2.05%" height="13.5" rx="3" class="cell {_TONES[shown.state]}{high}"><title>{title}</title></rect>'
        drawn.append(
            svg.link(link(shown.id), cell, cls="hot", label=title) if shown.state != "completed" or high else cell
        )
    said = ", ".join(f"{count} {state}" for state, count in seen.by_state.most_common())
    return svg.picture(drawn, 17 * -(-len(stretches) // _WIDE) + 2, f"{len(children)} children: {said}", links=True)
