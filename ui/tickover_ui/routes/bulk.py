"""How far a job is that changes many others."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from tickover import Tickover
from tickover.domain.states import TERMINAL
from tickover.engine.registry import BULK
from tickover.errors import JobNotFound
from tickover.web.access import Needs
from tickover_ui import reading
from tickover_ui.pages import page

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)


@router.get("/bulk/{job_id}")
def progress(request: Request, job_id: str) -> HTMLResponse:
    """What was ordered, by whom and why, how far it is, and the button that stops it."""
    jobs: Tickover = request.app.state.jobs
    job = jobs.get(job_id)
    if job.kind != BULK or not isinstance(job.payload, dict):
        raise JobNotFound(f"Job {job_id} does not change others.")
    now = reading.read(jobs, lambda store: reading.now(jobs, store))
    return page(request, "bulk.html", now=now, job=job, order=job.payload, over=job.state in TERMINAL)
