"""One job."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from tickover.web.access import Needs
from tickover_ui.draw import waterfall as draw
from tickover_ui.pages import page
from tickover_ui.queries.job import read_job
from tickover_ui.words import size, snippet

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
_SHOWN_EVENTS: Final = 60


@router.get("/jobs/{job_id}")
def show_job(request: Request, job_id: str, *, step: Annotated[str, Query(max_length=1024)] = "") -> HTMLResponse:
    """One job: where it stands, its life over the ticks, its steps, events, payload and result."""
    seen = read_job(request.app.state.jobs, job_id, step)
    place = next((i for i, mark in enumerate(seen.steps) if seen.chosen and mark.key == seen.chosen.key), 0)
    return page(
        request, "job.html", now=seen.now, seen=seen, job=seen.job, happened=seen.events[:_SHOWN_EVENTS], older=len(seen.events) - _SHOWN_EVENTS,
        chart=draw.waterfall(seen), lines=draw.rows_of(seen), snippet=snippet, size=size,
        before=seen.steps[place - 1].key if place else "", after=seen.steps[place + 1].key if place + 1 < len(seen.steps) else "",
    )  # fmt: skip
