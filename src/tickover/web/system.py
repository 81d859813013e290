"""The system over HTTP: queues, ticks, schedules, events, numbers."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Request

from tickover.web import schemas
from tickover.web.access import Needs
from tickover.web.jobs import Jobs, Limit
from tickover.web.noted import noted
from tickover.web.problems import described, documented

QueueName = Annotated[str, Path(max_length=255)]
_READ: Final = documented(401, 403, 422, 503)
_MOVE: Final = documented(400, 401, 403, 409, 413, 422, 503)
_LARGEST: Final = 2**63 - 1

look: Final = APIRouter(tags=["system"], dependencies=[Depends(Needs("view"))])
operate: Final = APIRouter(tags=["system"], dependencies=[Depends(Needs("operate"))])
administer: Final = APIRouter(tags=["system"], dependencies=[Depends(Needs("admin"))])


@look.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """The description of this API; closed like the rest of it."""
    return described(request.app)


@look.get("/stats", operation_id="stats", responses=_READ)
def stats(jobs: Jobs) -> schemas.StatsView:
    """Exact counts by state and by queue, and what is paused."""
    return schemas.StatsView.model_validate(jobs.stats())


@look.get("/health", operation_id="health", responses=_READ)
def health(
    jobs: Jobs,
    patience: Annotated[float, Query(ge=0, le=86_400, description="Seconds that what is due may wait.")] = 120,
) -> schemas.HealthView:
    """Whether anything that is due waits longer than it should. Answers 200 also when it does: look at `ok`."""
    return schemas.HealthView.model_validate(jobs.health(patience=patience))


@look.get("/queues", operation_id="list_queues", responses=_READ)
def list_queues(jobs: Jobs) -> list[schemas.QueueView]:
    """Every queue that has jobs or is paused."""
    return [schemas.QueueView.model_validate(queue) for queue in jobs.stats().queues]


@operate.post("/queues/{queue}/pause", operation_id="pause_queue", status_code=204, responses=_MOVE)
def pause_queue(jobs: Jobs, queue: QueueName, request: Request, body: schemas.PauseQueueBody | None = None) -> None:
    """No tick takes a job of this queue any more; running jobs go on."""
    reason = "" if body is None else body.reason
    noted(request, "Pause queue", f"queue {queue}", lambda: jobs.pause_queue(queue, reason), reason=reason)


@operate.post("/queues/{queue}/resume", operation_id="resume_queue", status_code=204, responses=_MOVE)
def resume_queue(jobs: Jobs, queue: QueueName, request: Request) -> None:
    """The queue is served again."""
    noted(request, "Resume queue", f"queue {queue}", lambda: jobs.resume_queue(queue))


@look.get("/ticks", operation_id="list_ticks", responses=_READ)
def list_ticks(jobs: Jobs, limit: Limit = 50) -> list[schemas.TickView]:
    """The latest ticks that had work, newest first."""
    return [schemas.TickView.model_validate(tick) for tick in jobs.ticks(limit=limit)]


@administer.post("/ticks/pause", operation_id="pause_ticks", status_code=204, responses=_MOVE)
def pause_ticks(jobs: Jobs, request: Request, body: schemas.PauseTicksBody | None = None) -> None:
    """No tick of the fleet takes a job any more; `aggressive` also stops running jobs, unharmed."""
    mode: Literal["graceful", "aggressive"] = "graceful" if body is None else body.mode
    noted(request, f"Pause ticks, {mode}", "the fleet", lambda: jobs.pause_ticks(mode))


@administer.post("/ticks/resume", operation_id="resume_ticks", status_code=204, responses=_MOVE)
def resume_ticks(jobs: Jobs, request: Request) -> None:
    """The fleet takes jobs again."""
    noted(request, "Resume ticks", "the fleet", jobs.resume_ticks)


@look.get("/events", operation_id="list_events", responses=_READ)
def list_events(
    jobs: Jobs,
    *,
    after: Annotated[int, Query(ge=0, le=_LARGEST, description="The `after` of the page before; 0 begins.")] = 0,
    job_id: Annotated[str | None, Query(max_length=64, description="Only this job's.")] = None,
    limit: Limit = 100,
) -> schemas.EventPage:
    """What happened behind a cursor, in an order in which none appears later in front of one already seen."""
    found = [schemas.EventView.of(event) for event in islice(jobs.events(after=after, job_id=job_id), limit)]
    return schemas.EventPage(events=found, after=found[-1].seq if found else after)
