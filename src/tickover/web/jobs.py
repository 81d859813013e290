"""Jobs over HTTP: list, show, enqueue, and an operator's verbs. Each route names the role that it needs."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from tickover import Tickover
from tickover.domain.options import EnqueueOptions
from tickover.errors import InvalidArgument
from tickover.web import schemas
from tickover.web.access import Needs, refuse_to_search
from tickover.web.noted import noted, noted_behind
from tickover.web.problems import documented


def application(request: Request) -> Tickover:
    """The application behind this API."""
    jobs: Tickover = request.app.state.jobs
    return jobs


Jobs = Annotated[Tickover, Depends(application)]
JobId = Annotated[str, Path(max_length=64, description="The job's whole id.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="Rows at most.")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")]
Filter = Annotated[str | None, Query(max_length=255)]
_READ: Final = documented(401, 403, 422, 503)
_MOVE: Final = documented(400, 401, 403, 404, 409, 413, 422, 503)

look: Final = APIRouter(tags=["jobs"], dependencies=[Depends(Needs("view"))])
operate: Final = APIRouter(tags=["jobs"], dependencies=[Depends(Needs("operate"))])
administer: Final = APIRouter(tags=["jobs"], dependencies=[Depends(Needs("admin"))])


@look.get("/jobs", operation_id="list_jobs", responses=_READ)
def list_jobs(
    jobs: Jobs,
    request: Request,
    *,
    state: Annotated[str | None, Query(max_length=20, description="A state, or scheduled, retrying, dead.")] = None,
    kind: Filter = None,
    queue: Filter = None,
    tenant: Filter = None,
    unique: Filter = None,
    meta: Annotated[str | None, Query(max_length=4096, description='A JSON object, such as {"order": 7}.')] = None,
    search: Annotated[
        str | None, Query(max_length=200, description="The end of an id, or part of a kind, key, payload or error.")
    ] = None,
    parent: Annotated[str | None, Query(max_length=64, description="Only what this job fanned out.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schemas.JobPage:
    """A page of jobs that match, newest first. `search` and `meta` need the role operate."""
    refuse_to_search(request, search, meta)
    found = jobs.find(state=state, kind=kind, queue=queue, tenant=tenant, unique=unique, meta=_object(meta), search=search,
                      parent=parent, limit=limit, cursor=cursor)  # fmt: skip
    return schemas.JobPage(jobs=[schemas.JobView.of(job) for job in found], next_cursor=found.next_cursor)


@look.get("/dead-letters", operation_id="list_dead_letters", responses=_READ)
def list_dead_letters(
    jobs: Jobs,
    request: Request,
    *,
    kind: Filter = None,
    queue: Filter = None,
    tenant: Filter = None,
    search: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schemas.JobPage:
    """A page of jobs that failed for good, newest first. `search` needs the role operate."""
    refuse_to_search(request, search)
    found = jobs.dead_letters(kind=kind, queue=queue, tenant=tenant, search=search, limit=limit, cursor=cursor)
    return schemas.JobPage(jobs=[schemas.JobView.of(job) for job in found], next_cursor=found.next_cursor)


@look.get("/jobs/{job_id}", operation_id="show_job", responses=documented(401, 403, 404, 422, 503))
def show_job(jobs: Jobs, job_id: JobId) -> schemas.JobView:
    """One job, with its steps and children."""
    return schemas.JobView.of(jobs.get(job_id))


@operate.post("/jobs/{job_id}/reveal", operation_id="reveal_job", responses=documented(401, 403, 404, 422, 503))
def reveal_job(jobs: Jobs, job_id: JobId, request: Request) -> schemas.JobView:
    """One job with everything in it: what is hidden elsewhere too. Who looked is in the audit log."""
    job = noted(request, "Reveal", f"job {job_id}", lambda: jobs.get(job_id))
    return schemas.JobView.of(job, reveal=True)


@operate.post("/jobs", operation_id="enqueue", status_code=201, responses=documented(400, 401, 403, 409, 413, 422, 503))
def enqueue(jobs: Jobs, body: schemas.EnqueueBody, request: Request, response: Response) -> schemas.Enqueued:
    """Writes one job; it is durable when this answers."""
    options = cast(EnqueueOptions, body.model_dump(exclude_none=True, exclude={"kind", "payload", "remote"}))
    given = (body.payload,) if "payload" in body.model_fields_set else ()
    job_id = noted(
        request, "Enqueue", f"kind {body.kind}", lambda: jobs.enqueue(body.kind, *given, remote=body.remote, **options)
    )
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/jobs/{job_id}"
    return schemas.Enqueued(id=job_id)


@operate.post("/jobs/{job_id}/retry", operation_id="retry_job", responses=_MOVE)
def retry_job(jobs: Jobs, job_id: JobId, request: Request, body: schemas.RetryBody | None = None) -> schemas.JobView:
    """Gives a failed or cancelled job a new budget of retries."""
    fresh = body is not None and body.fresh
    noted(
        request, "Retry from the start" if fresh else "Retry", f"job {job_id}", lambda: jobs.retry(job_id, fresh=fresh)
    )
    return schemas.JobView.of(jobs.get(job_id))


@operate.post("/jobs/{job_id}/cancel", operation_id="cancel_job", responses=_MOVE)
def cancel_job(jobs: Jobs, job_id: JobId, request: Request) -> schemas.JobView:
    """Ends a job that is not over, at once."""
    noted(request, "Cancel", f"job {job_id}", lambda: jobs.cancel(job_id))
    return schemas.JobView.of(jobs.get(job_id))


@operate.post("/jobs/{job_id}/pause", operation_id="pause_job", responses=_MOVE)
def pause_job(jobs: Jobs, job_id: JobId, request: Request) -> schemas.JobView:
    """Holds a job back; a running one pauses at its next boundary."""
    noted(request, "Pause", f"job {job_id}", lambda: jobs.pause_job(job_id))
    return schemas.JobView.of(jobs.get(job_id))


@operate.post("/jobs/{job_id}/resume", operation_id="resume_job", responses=_MOVE)
def resume_job(jobs: Jobs, job_id: JobId, request: Request) -> schemas.JobView:
    """Lets a paused job run again."""
    noted(request, "Resume", f"job {job_id}", lambda: jobs.resume_job(job_id))
    return schemas.JobView.of(jobs.get(job_id))


@operate.post("/jobs/{job_id}/signal", operation_id="signal_job", status_code=204, responses=_MOVE)
def signal_job(jobs: Jobs, job_id: JobId, body: schemas.SignalBody, request: Request) -> None:
    """Sends a message to one job; it is durable when this answers, whether the job waits for it yet or not."""
    noted(
        request,
        f"Signal {body.name}",
        f"job {job_id}",
        lambda: jobs.signal(job_id, body.name, body.payload, message_id=body.message_id),
    )


@operate.post("/dead-letters/retry", operation_id="retry_dead_letters", responses=_MOVE)
def retry_dead_letters(jobs: Jobs, body: schemas.RetryManyBody, request: Request) -> schemas.Retried:
    """Runs every dead letter that matches again."""
    filters = body.model_dump(exclude_none=True, exclude={"fresh", "all"})
    if bool(filters) == body.all:
        raise InvalidArgument(
            "Say which by kind, queue, tenant, meta or search; or give all=true, and nothing of these."
        )
    target = "dead letters: " + (", ".join(f"{name} {value}" for name, value in filters.items()) or "all")
    done = noted_behind(request, "Retry many", target, lambda: jobs.retry_many(fresh=body.fresh, **filters), len)
    return schemas.Retried(retried=done)


@administer.post("/purge", operation_id="purge", responses=documented(400, 401, 403, 413, 422, 503))
def purge(jobs: Jobs, body: schemas.PurgeBody, request: Request) -> schemas.Deleted:
    """Deletes jobs of one queue that are over, with everything of theirs."""
    which = {"state": body.state, "queue": body.queue, "kind": body.kind}
    target = "jobs: " + ", ".join(f"{name} {value}" for name, value in which.items() if value)
    gone = noted_behind(request, "Purge", target, lambda: jobs.purge(**which, older_than=body.older_than), int)  # type: ignore[arg-type]  # a model has checked them
    return schemas.Deleted(deleted=gone)


def _object(text: str | None) -> dict[str, Any] | None:
    """A JSON object in a query."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"meta= is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidArgument('meta= takes a JSON object, such as {"order": 7}.')
    return value
