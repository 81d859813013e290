"""Queues."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from tickover.web.access import Needs
from tickover_ui.draw import queues as draw
from tickover_ui.pages import page
from tickover_ui.queries.queues import MOST_LANES, read_queues

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
_HEATED: Final = 24


@router.get("/queues")
def queues(request: Request) -> HTMLResponse:
    """What waits in each queue, what each finishes, and what holds it back."""
    seen = read_queues(request.app.state.jobs)
    names = [lane.name for lane in seen.lanes][:_HEATED]
    due = sum(lane.due for lane in seen.lanes)
    return page(
        request, "queues.html", now=seen.now, seen=seen, names=names, heat=draw.heat(names, seen.day, seen.now), cols=draw.columns,
        due=due, paused=sum(lane.paused_at is not None for lane in seen.lanes), cut=len(seen.lanes) == MOST_LANES,
    )  # fmt: skip
