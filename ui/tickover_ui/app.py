"""The dashboard: pages over what the ticks read and write. Its routes; what they read is in `queries`."""

from __future__ import annotations

import os
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from tickover import Tickover
from tickover.domain.states import STATES
from tickover.errors import ConfigurationError, InvalidArgument, TickoverError
from tickover.web import Auth, create_api, tokens_from
from tickover.web.access import Needs
from tickover.web.problems import Problem, status_of, tell_problems
from tickover.web.shield import Shield
from tickover_ui import assets, queries
from tickover_ui.pages import page

look: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
_ROWS: Final = 50
_EVENTS: Final = 200
Filter = Annotated[str, Query(max_length=255)]


def create_dashboard(jobs: Tickover, /, *, auth: Auth | None = None) -> FastAPI:
    """The dashboard, with the JSON API under `/api`: an application to run, or to mount under any path.

    So far it looks, and changes nothing: what an operator does is in the API and on the command line.

    Args:
        jobs: the application.
        auth: who may look: see `tickover.web`. Default are the tokens of `TICKOVER_API_TOKENS`.

    Raises:
        ConfigurationError: nobody was named who may look. On a laptop `tickover dev` serves it to this machine alone.
    """
    auth = auth or tokens_from(os.environ.get("TICKOVER_API_TOKENS"))
    if auth is None:
        raise ConfigurationError(
            "A dashboard needs auth=, such as proxy_header(…) or bearer_tokens({…}) of tickover.web: it shows everything."
        )
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, title="Tickover")
    app.state.jobs, app.state.auth = jobs, auth
    app.add_middleware(Shield)
    tell_problems(app)
    for cls in (Problem, TickoverError, HTTPException):
        app.add_exception_handler(cls, _sorry)
    app.include_router(assets.router)
    app.include_router(look)
    app.mount("/api", create_api(jobs, auth=auth))
    return app


@look.get("/")
def overview(request: Request) -> HTMLResponse:
    """What to act on, seven numbers, the last hour, and what just happened."""
    seen = queries.overview(request.app.state.jobs)
    empty = not any(seen.counts.values()) and not seen.happened and not seen.ticks
    return page(request, "empty.html" if empty else "overview.html", now=seen.now, seen=seen)


@look.get("/jobs")
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
    at, counts = queries.read(jobs, lambda store: (queries.now(jobs, store), queries.counts(store)))
    return page(
        request, "jobs.html", now=at, found=found, filters=filters, given=given, counts=counts, said=said,
        states=[*STATES, "retrying"], next_cursor=getattr(found, "next_cursor", None), cursor=cursor,
    )  # fmt: skip


@look.get("/jobs/{job_id}")
def show_job(request: Request, job_id: str) -> HTMLResponse:
    """One job: where it stands, its steps over the ticks, its events, payload and result."""
    jobs: Tickover = request.app.state.jobs
    job = jobs.get(job_id)
    happened = []
    for event in jobs.events(job_id=job_id):
        happened.append(event)
        if len(happened) > _EVENTS:
            break
    at = queries.read(jobs, lambda store: queries.now(jobs, store))
    return page(request, "job.html", now=at, job=job, happened=happened[:_EVENTS], more_events=len(happened) > _EVENTS)


@look.get("/dead")
def dead_letters(request: Request, cause: Filter = "") -> HTMLResponse:
    """Dead letters by cause, and the evidence of one."""
    at, causes, more = queries.dead(request.app.state.jobs)
    chosen = next((one for one in causes if one.fingerprint == cause), causes[0] if causes else None)
    total = sum(len(one.deaths) for one in causes)
    return page(request, "dead.html", now=at, causes=causes, chosen=chosen, total=total, more=more)


@look.get("/ui/pulse")
def pulse(request: Request, since: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None) -> Response:
    """The number of the latest event; 204 when it is `since`: a few bytes, for pages that keep themselves fresh."""
    seq = queries.pulse(request.app.state.jobs)
    return Response(status_code=204) if seq == since else JSONResponse({"seq": seq})


def _sorry(request: Request, error: Exception) -> HTMLResponse:
    match error:
        case Problem():
            status, headers = error.status, dict(error.headers or {})
        case TickoverError():
            status, headers = status_of(error), {}
        case HTTPException():
            status, headers = error.status_code, dict(error.headers or {})
        case _:
            status, headers = 500, {}
    made = page(request, "sorry.html", now=None, status=status, said=str(getattr(error, "detail", error)))
    made.status_code = status
    made.headers.update(headers)
    return made
