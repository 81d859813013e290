"""Ticks."""

from __future__ import annotations

from statistics import median
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from tickover.domain.ids import parse_id
from tickover.web.access import Needs
from tickover_ui.draw import ticks as draw
from tickover_ui.pages import linker, page
from tickover_ui.queries.ticks import Ticks, read_ticks

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
Text = Annotated[str, Query(max_length=64)]
SPANS: Final = (10, 30, 60, 180)


@router.get("/ticks")
def ticks(request: Request, *, until: Text = "", span: int = 10, tick: Text = "") -> HTMLResponse:
    """Invocations by what woke them, with what each packed and what it left of its budget."""
    span = span if span in SPANS else 10
    chosen = parse_id(tick) if tick else None
    seen = read_ticks(request.app.state.jobs, until=draw.moment(until), minutes=span, chosen=chosen)
    link = linker(request)
    state: dict[str, Any] = {"until": until, "span": str(span) if span != 10 else ""}
    made, height = draw.groups(seen)
    place = next((i for i, one in enumerate(seen.ticks) if seen.chosen and one.id == seen.chosen.id), None)
    before, after = _beside(seen, place)
    return page(
        request, "ticks.html", now=seen.now, seen=seen, labels=draw.labels(made, height), state=state, spans=SPANS, span=span, before=before, after=after,
        totals=totals(seen),
        chart=draw.by_source(seen, lambda tick: link("/ticks", **state, tick=tick)),
        day=draw.day(seen.day, seen.now, seen.since, seen.until),
        slots=draw.slots(seen.chosen, seen.runs, seen.now, lambda id_: link(f"/jobs/{id_}")) if seen.chosen else "",
        said=draw.said(seen.chosen, seen.now) if seen.chosen else "", source=draw.source,
        earlier=f"{seen.since.timestamp():.0f}", later=f"{min(seen.now.timestamp(), seen.until.timestamp() + span * 60):.0f}",
    )  # fmt: skip


def _beside(seen: Ticks, place: int | None) -> tuple[str, str]:
    """The ids of the ticks before and after the chosen one."""
    if place is None:
        return "", ""
    return (seen.ticks[place - 1].id if place else ""), (
        seen.ticks[place + 1].id if place + 1 < len(seen.ticks) else ""
    )


def totals(seen: Ticks) -> list[tuple[str, str, str]]:
    """(label, number, note) of the stretch."""
    over = [tick for tick in seen.ticks if tick.ended_at]
    jobs = sorted(tick.claimed for tick in seen.ticks)
    lasted = sum((tick.until(seen.now) - tick.started_at).total_seconds() for tick in seen.ticks)
    cold = sum(tick.cold for tick in seen.ticks)
    lost = sum(tick.lost for tick in seen.ticks)
    return [
        (
            "Ticks",
            str(len(seen.ticks)) + ("+" if seen.more else ""),
            f"with work, in {(seen.until - seen.since).total_seconds() / 60:.0f} min",
        ),
        (
            "Jobs a tick",
            f"{median(jobs):.0f}" if jobs else "–",
            f"median, {jobs[-1]} at most" if jobs else "no tick had work",
        ),
        ("Use", f"{100 * sum(t.use for t in over) / len(over):.0f} %" if over else "–", "of the budget, mean"),
        ("Unspent", f"{median(t.unspent for t in over):.1f} s" if over else "–", "median at the end"),
        ("Cold", f"{100 * cold / len(seen.ticks):.0f} %" if seen.ticks else "–", f"{cold} first in their process"),
        ("Cut short", str(sum(t.crashed(seen.now) for t in seen.ticks)), f"{lost} leases lost"),
        ("Busy", f"{lasted / 60:.1f} min", "of invocations, together"),
    ]
