"""Dead letters."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from tickover.web.access import Needs
from tickover_ui.draw import dead as draw
from tickover_ui.pages import page
from tickover_ui.queries.dead import dead

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
#: Causes that are listed; of more, those that struck last.
_CAUSES: Final = 40


@router.get("/dead")
def dead_letters(request: Request, cause: Annotated[str, Query(max_length=255)] = "") -> HTMLResponse:
    """Dead letters by cause, and the evidence of one."""
    at, causes, more = dead(request.app.state.jobs)
    chosen = next((one for one in causes if one.fingerprint == cause), causes[0] if causes else None)
    place = causes.index(chosen) if chosen else 0
    return page(
        request, "dead.html", now=at, causes=causes, listed=causes[:_CAUSES], chosen=chosen, total=sum(len(one.deaths) for one in causes), more=more,
        timeline=draw.timeline(chosen, at) if chosen else "", small=draw.small,
        before=causes[place - 1].fingerprint if place else "", after=causes[place + 1].fingerprint if place + 1 < len(causes) else "",
    )  # fmt: skip
