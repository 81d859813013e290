"""The first page."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from tickover.web.access import Needs
from tickover_ui.pages import page
from tickover_ui.queries import overview as queries

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)


@router.get("/")
def overview(request: Request) -> HTMLResponse:
    """What to act on, seven numbers, the last hour, and what just happened."""
    seen = queries.overview(request.app.state.jobs)
    empty = not any(seen.counts.values()) and not seen.happened and not seen.ticks
    return page(request, "empty.html" if empty else "overview.html", now=seen.now, seen=seen)
