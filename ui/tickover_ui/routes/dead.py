"""Dead letters."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from tickover.web.access import Needs
from tickover_ui.pages import page
from tickover_ui.queries.dead import dead

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)


@router.get("/dead")
def dead_letters(request: Request, cause: Annotated[str, Query(max_length=255)] = "") -> HTMLResponse:
    """Dead letters by cause, and the evidence of one."""
    at, causes, more = dead(request.app.state.jobs)
    chosen = next((one for one in causes if one.fingerprint == cause), causes[0] if causes else None)
    total = sum(len(one.deaths) for one in causes)
    return page(request, "dead.html", now=at, causes=causes, chosen=chosen, total=total, more=more)
