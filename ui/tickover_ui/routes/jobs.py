"""The list of jobs."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from tickover import Tickover
from tickover.domain.states import STATES
from tickover.errors import InvalidArgument
from tickover.web.access import Needs
from tickover_ui import reading
from tickover_ui.pages import page

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
_ROWS: Final = 50
Filter = Annotated[str, Query(max_length=255)]


@router.get("/jobs")
def list_jobs(
    request: Request, *, state: Filter = "", kind: Filter = "", queue: Filter = "", tenant: Filter = "", search: Filter = "",
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:  # fmt: skip
    """Jobs that match, newest first. The address is the whole state of the page."""
    jobs: Tickover = request.app.state.jobs
    filters = {"state": state, "kind": kind, "queue": queue, "tenant": tenant, "search": search.strip()}
    given = {name: value for name, value in filters.items() if value}
    said = ""
    found: Any = []
    try:
        if "search" in given and "kind" not in given:
            said = "Say a kind too: a search through the payloads of every job would read all of them."
        else:
            found = jobs.find(**given, limit=_ROWS, cursor=cursor or None)  # type: ignore[arg-type]  # texts, all of them
    except InvalidArgument as error:
        said = str(error)
    at, counts = reading.read(jobs, lambda store: (reading.now(jobs, store), reading.counts(store)))
    return page(
        request, "jobs.html", now=at, found=found, filters=filters, given=given, counts=counts, said=said,
        states=[*STATES, "retrying"], next_cursor=getattr(found, "next_cursor", None), cursor=cursor,
    )  # fmt: skip
