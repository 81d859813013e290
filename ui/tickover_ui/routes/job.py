"""One job."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from tickover import Tickover
from tickover.web.access import Needs
from tickover_ui import reading
from tickover_ui.pages import page

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
_EVENTS: Final = 200


@router.get("/jobs/{job_id}")
def show_job(request: Request, job_id: str) -> HTMLResponse:
    """One job: where it stands, its steps over the ticks, its events, payload and result."""
    jobs: Tickover = request.app.state.jobs
    job = jobs.get(job_id)
    happened = []
    for event in jobs.events(job_id=job_id):
        happened.append(event)
        if len(happened) > _EVENTS:
            break
    at = reading.read(jobs, lambda store: reading.now(jobs, store))
    return page(request, "job.html", now=at, job=job, happened=happened[:_EVENTS], more_events=len(happened) > _EVENTS)
