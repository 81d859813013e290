"""How answers look: JSON for programs; for people tables at a terminal, and plain aligned text everywhere else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

from tickover.clock import SystemClock
from tickover.domain.job_view import Job
from tickover.events import Event

if TYPE_CHECKING:  # a tick that a timer starts writes to no terminal, and does without
    from rich.console import Console

_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_STYLES: Final = {
    "completed": "green", "failed": "red", "running": "cyan", "waiting": "blue", "paused": "yellow", "cancelled": "dim",
    "ok": "green", "unhealthy": "red",
}  # fmt: skip
WORK: Final = (
    "claimed", "completed", "failed", "retried", "yielded", "parked", "cancelled", "lost", "reaped", "released"
)  # fmt: skip
_DERIVED: Final = ("short_id", "attempt", "dead_lettered", "total")
_SHARED: Final = frozenset(field.name for field in fields(Event))


def document(value: Any) -> None:
    """Prints one JSON document. ASCII: whatever the locale, and whatever a payload has in it, it comes out whole."""
    print(json.dumps(plain(value), indent=2, default=str))


def json_line(value: Any) -> None:
    """Prints one JSON document on a line of its own, at once."""
    print(json.dumps(plain(value), default=str), flush=True)


def plain(value: Any) -> Any:
    """The value as JSON types: dataclasses with what they derive, instants in ISO 8601, events with their `type`."""
    match value:
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    if not is_dataclass(value) or isinstance(value, type):
        return value
    made = {"type": type(value).__name__} if isinstance(value, Event) else {}
    made.update({field.name: plain(getattr(value, field.name)) for field in fields(value)})
    return {**made, **{name: getattr(value, name) for name in _DERIVED if hasattr(value, name)}}


def say(text: str, style: str = "") -> None:
    """Prints a line for people."""
    if not _at_terminal(sys.stdout):
        print(clean(text), flush=True)
        return
    from rich.text import Text

    _console(sys.stdout).print(Text(clean(text), style=style), soft_wrap=True)


def complain(text: str) -> None:
    """Prints one line on stderr."""
    print(f"tickover: {clean(one_line(text, 2000))}", file=sys.stderr, flush=True)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str = "") -> None:
    """Prints rows under their heads, in colours that say the state; without rows says `empty`."""
    cleaned = [[clean(one_line(cell)) for cell in row] for row in rows]
    if not cleaned:
        say(empty)
    elif _at_terminal(sys.stdout):
        _draw(heads, cleaned)
    else:
        widths = [max(map(len, column)) for column in zip(heads, *cleaned, strict=True)]
        for row in (heads, *cleaned):
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Prints names and whole values, however long; what has no value is left out."""
    width = max((len(name) for name, _ in rows), default=0) + 2
    for name, value in rows:
        first, *rest = value.splitlines() or [""]
        if value:
            say("\n".join([f"{name:<{width}}{first}", *(" " * width + line for line in rest)]))


@contextmanager
def progress(doing: str, total: Callable[[], int] | None = None) -> Iterator[Callable[[int], None] | None]:
    """Shows a bar on stderr while the block runs; yields what adds to it, or None where nobody looks."""
    if not _at_terminal(sys.stderr):
        yield None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console(sys.stderr), transient=True) as bar:
        task = bar.add_task(doing, total=None if total is None else total())
        yield lambda count: bar.advance(task, count)


def clean(text: str) -> str:
    """The text without control characters: a payload or an error must not steer the terminal that shows it."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str, most: int = 160) -> str:
    """The text on one line, cut to `most` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def relative(instant: datetime | None) -> str:
    """`3 s ago`, `in 5 min`, `now`; empty for no instant."""
    if instant is None:
        return ""
    left = (instant - SystemClock().now()).total_seconds()
    if abs(left) < 1:
        return "now"
    return f"in {duration(left)}" if left > 0 else f"{duration(-left)} ago"


def duration(seconds: float) -> str:
    """`0.42 s`, `12 s`, `5 min`, `3 h`, `2 d`: the largest unit that fits."""
    if seconds < 9.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    return f"{int(seconds // size)} {unit}"


def local(instant: datetime) -> str:
    """An instant on this machine's clock, for logs."""
    return f"{instant.astimezone():%Y-%m-%d %H:%M:%S}"


def counted(count: int, one: str, many: str = "") -> str:
    """`1 job`, `1,200 jobs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def dollars(cost: float | None) -> str:
    """A sum so small that cents do not show it: `$0.000042`."""
    return "" if cost is None else f"${cost:.6f}"


def work(source: object) -> str:
    """What a tick did, in words: `3 claimed, 2 completed, 1 retried`."""
    return ", ".join(f"{count:,} {name}" for name in WORK if (count := getattr(source, name, 0)))


def job_row(job: Job) -> list[str]:
    """A job in a list of jobs; see `JOB_HEADS`."""
    return [job.short_id, job.kind, job.queue, job.state, str(job.attempt), _when(job), note(job)]


JOB_HEADS: Final = ("ID", "KIND", "QUEUE", "STATE", "ATTEMPT", "WHEN", "NOTE")


def note(job: Job) -> str:
    """What is worth knowing about a job beside its state: its error, its progress, what it waits for."""
    if job.error is not None and job.state != "completed":
        return f"{job.error_kind}: {job.error}" if job.error_kind else job.error
    if job.progress is not None and job.state != "completed":
        return f"{job.progress[0]:.0%} {job.progress[1]}".strip()
    if job.state == "waiting" and job.wait_kind:
        return f"waits for {job.wait_kind} {job.wait_ref or ''}".strip()
    return ""


def facts(job: Job) -> list[tuple[str, str]]:
    """What there is to know about one job, by name; empty where there is nothing."""
    counters = ("starts", "completed", "failures", "crashes", "yields", "stalls", "parks", "released", "aborts")
    counts = ", ".join(f"{getattr(job, name)} {name}" for name in counters if getattr(job, name))
    finished = f"{relative(job.finished_at)} ({local(job.finished_at)})" if job.finished_at else ""
    return [
        ("id", job.id),
        ("kind", job.kind),
        ("state", job.state),
        ("queue", f"{job.queue}, priority {job.priority}" if job.priority else job.queue),
        ("tenant", job.tenant),
        ("attempt", f"{job.attempt} ({counts})" if counts else ""),
        ("created", f"{relative(job.created_at)} ({local(job.created_at)})"),
        ("due", f"{relative(job.run_at)} ({local(job.run_at)})" if job.state == "pending" else ""),
        ("started", relative(job.started_at)),
        ("finished", finished),
        ("note", "" if job.error else note(job)),
        ("unique key", job.unique_key or ""),
        ("parent", job.parent_id or ""),
        ("children", ", ".join(job.children)),
        ("meta", json_text(job.meta) if job.meta else ""),
        ("payload", "" if job.payload is None else json_text(job.payload)),
        ("result", json_text(job.result) if job.state == "completed" else ""),
        ("error", f"{job.error_kind or 'Error'}: {job.error}" if job.error else ""),
    ]


def json_text(value: Any) -> str:
    """JSON for people."""
    return json.dumps(value, ensure_ascii=False, default=str)


def event_line(event: Event) -> str:
    """An event on one line: when, what, about which job, and what it says itself."""
    own = {field.name: getattr(event, field.name) for field in fields(event) if field.name not in _SHARED}
    said = ", ".join(f"{name}: {_said(value)}" for name, value in own.items() if value not in (None, "", {}))
    about = " ".join(part for part in ((event.job_id or "")[-8:], event.kind or event.queue or "") if part)
    return f"{local(event.at)}  {type(event).__name__:<15}  {about}  {one_line(said, 400)}".rstrip()


def _said(value: object) -> str:
    if isinstance(value, datetime):
        return relative(value)
    return duration(value) if isinstance(value, float) else str(value)


def _when(job: Job) -> str:
    match job.state:
        case "completed" | "failed" | "cancelled":
            return relative(job.finished_at)
        case "running":
            return f"since {relative(job.started_at).removesuffix(' ago')}"
        case "pending":
            return f"due {relative(job.run_at)}"
    return f"created {relative(job.created_at)}"


def _at_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _console(stream: TextIO) -> Console:
    """Nothing in a text is markup, and NO_COLOR means no escape codes for looks at all."""
    from rich.console import Console

    if os.environ.get("NO_COLOR"):
        return Console(file=stream, markup=False, highlight=False, emoji=False, color_system=None)
    return Console(file=stream, markup=False, highlight=False, emoji=False)


def _draw(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for head in heads:
        drawn.add_column(head, no_wrap=head != heads[-1], overflow="ellipsis")
    for row in rows:
        drawn.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    _console(sys.stdout).print(drawn)
