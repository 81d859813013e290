"""Schedules over HTTP: list, pause, resume, run now."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request

from tickover.web import schemas
from tickover.web.access import Needs
from tickover.web.jobs import Jobs
from tickover.web.noted import noted
from tickover.web.problems import documented

ScheduleName = Annotated[str, Path(max_length=255)]
_MOVE: Final = documented(401, 403, 404, 409, 422, 503)

look: Final = APIRouter(tags=["schedules"], dependencies=[Depends(Needs("view"))])
operate: Final = APIRouter(tags=["schedules"], dependencies=[Depends(Needs("operate"))])


@look.get("/schedules", operation_id="list_schedules", responses=documented(401, 403, 503))
def list_schedules(jobs: Jobs) -> list[schemas.ScheduleView]:
    """Every schedule, also those that are paused or gone from the code."""
    return [schemas.ScheduleView.model_validate(schedule) for schedule in jobs.schedules()]


@operate.post("/schedules/{name}/pause", operation_id="pause_schedule", status_code=204, responses=_MOVE)
def pause_schedule(jobs: Jobs, name: ScheduleName, request: Request) -> None:
    """It fires no more until it is resumed."""
    noted(request, "Pause schedule", f"schedule {name}", lambda: jobs.pause_schedule(name))


@operate.post("/schedules/{name}/resume", operation_id="resume_schedule", status_code=204, responses=_MOVE)
def resume_schedule(jobs: Jobs, name: ScheduleName, request: Request) -> None:
    """It fires again."""
    noted(request, "Resume schedule", f"schedule {name}", lambda: jobs.resume_schedule(name))


@operate.post("/schedules/{name}/run", operation_id="run_schedule", responses=_MOVE)
def run_schedule(jobs: Jobs, name: ScheduleName, request: Request) -> schemas.Enqueued:
    """Its job was written now, besides its slots."""
    return schemas.Enqueued(id=str(noted(request, "Run now", f"schedule {name}", lambda: jobs.run_now(name))))
