"""The first page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from tickover.web.access import Needs
from tickover_ui.draw.queues import columns
from tickover_ui.draw.tape import tape
from tickover_ui.draw.ticks import source
from tickover_ui.pages import linker, page
from tickover_ui.queries.overview import Overview, overview
from tickover_ui.svg import spark
from tickover_ui.words import duration, number

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
_SPARK: Final = 30


@router.get("/")
def first(request: Request) -> HTMLResponse:
    """What to act on, seven numbers, the tape of the last half hour, and who holds what."""
    seen = overview(request.app.state.jobs)
    link = linker(request)
    if seen.empty:
        return page(request, "empty.html", now=seen.now, frame=seen.frame)
    return page(
        request, "overview.html", now=seen.now, frame=seen.frame, seen=seen, notices=seen.notices()[:6], numbers=numbers(seen), columns=columns, source=source,
        tape=tape(seen.minutes, seen.ticks, seen.now, lambda tick: link("/ticks", tick=tick)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Number:
    """One of the seven."""

    label: str
    value: str
    unit: str
    note: str
    to: str
    query: Mapping[str, str] = field(default_factory=dict)
    chart: Markup | str = ""


def numbers(seen: Overview) -> list[Number]:
    """Seven numbers; those that the roll-ups know have their last half hour beside them."""
    hour, recent = seen.last_hour, seen.minutes[-_SPARK - 1 : -1]
    finished = hour.completed + hour.failed
    pace = sum(minute.completed + minute.failed for minute in recent[-5:]) / 5
    over = [tick for tick in seen.ticks if tick.ended_at]
    ended = [minute for minute in recent if minute.ended]
    waited, unit = duration((seen.now - seen.oldest_due).total_seconds()).split(" ") if seen.oldest_due else ("0", "s")
    failed = f"{100 * hour.failed / finished:.1f}" if finished else "0"
    use = f"{100 * sum(tick.use for tick in over) / len(over):.0f}" if over else "–"
    mean = duration(sum(minute.wait for minute in ended) / len(ended)) if ended else "–"
    ran = [minute.completed + minute.failed for minute in recent]
    bad = [minute.failed / minute.ended if minute.ended else 0 for minute in recent]
    return [
        Number("Pending", number(seen.counts["pending"]), "", "due now or later", "/jobs", {"state": "pending"}),
        Number("Oldest due", waited, unit, "has waited so long" if seen.oldest_due else "nothing is due", "/queues"),
        Number(
            "Running",
            number(seen.counts["running"]),
            "",
            f"in {len(seen.holders)} tick{'s' if len(seen.holders) != 1 else ''}",
            "/leases",
        ),
        Number(
            "Finished",
            f"{pace:.0f}",
            "/ min",
            f"{number(finished)} in the last hour",
            "/jobs",
            chart=spark(ran, width=60),
        ),
        Number(
            "Failed",
            failed,
            "%",
            f"{hour.failed} in the last hour",
            "/dead",
            chart=spark(bad, bad=bool(hour.failed), width=60),
        ),
        Number(
            "Waited",
            mean,
            "",
            "before a run, on average",
            "/queues",
            chart=spark([minute.wait for minute in recent], width=60),
        ),
        Number("Tick use", use, "%" if over else "", "of the budget, 30 min", "/ticks"),
    ]
