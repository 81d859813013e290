"""Leases."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from tickover.web.access import Needs
from tickover_ui.draw import leases as draw
from tickover_ui.draw.ticks import source
from tickover_ui.pages import page
from tickover_ui.queries.leases import leases

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)


@router.get("/leases")
def show_leases(request: Request) -> HTMLResponse:
    """Who holds what, until when."""
    seen = leases(request.app.state.jobs)
    return page(
        request, "leases.html", now=seen.now, seen=seen, chart=draw.around_now(seen.held, seen.now), source=source
    )
