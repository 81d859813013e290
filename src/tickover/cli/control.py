"""The verbs of an operator: retry, cancel, pause, resume, signal, purge."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from tickover import Tickover
from tickover.cli import read, show
from tickover.cli.call import Call, verb
from tickover.cli.find import job_id
from tickover.cli.inspect import JobArgument, Kind, Meta, Queue, Search, Tenant
from tickover.clock import SystemClock

_COUNTED_AT_MOST = 2000

Fresh = Annotated[bool, typer.Option("--fresh", help="Run every step again instead of keeping the recorded ones.")]


class Over(StrEnum):
    """The states that `purge` deletes."""

    failed = "failed"
    completed = "completed"
    cancelled = "cancelled"


@verb
def retry_job(call: Call, job: JobArgument, fresh: Fresh = False) -> None:
    """Run a failed or cancelled job again, with a new budget of retries; its recorded steps are kept."""
    _move(call, job, lambda jobs, found: jobs.retry(found, fresh=fresh), "runs again")


@verb
def cancel_job(call: Call, job: JobArgument) -> None:
    """End a job that is not over, for good; a running handler learns of it within seconds."""
    _move(call, job, lambda jobs, found: jobs.cancel(found), "is cancelled")


@verb
def pause_job(call: Call, job: JobArgument) -> None:
    """Hold a job back until it is resumed; a running one pauses at its next boundary."""
    _move(call, job, lambda jobs, found: jobs.pause_job(found), "is paused")


@verb
def resume_job(call: Call, job: JobArgument) -> None:
    """Let a paused job run again, at its old time."""
    _move(call, job, lambda jobs, found: jobs.resume_job(found), "may run again")


@verb
def signal(
    call: Call,
    job: JobArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the job asks for.")],
    payload: Annotated[
        str | None, typer.Argument(metavar="JSON", help="What it gets; true when left out. - reads it from stdin.")
    ] = None,
    message_id: Annotated[
        str | None, typer.Option("--message-id", metavar="TEXT", help="Sent twice with one id, it is there once.")
    ] = None,
) -> None:
    """Send a signal to one job: it is kept until the job reads it.

    For example: tickover signal 01a227ac approval '{"by": "an operator", "ok": true}'
    """
    text = sys.stdin.read() if payload == "-" else payload
    given = () if text is None else (read.read_json(text, "The payload"),)
    _move(call, job, lambda jobs, found: jobs.signal(found, name, *given, message_id=message_id), "has the signal")


@verb
def pause_queue(
    call: Call,
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever looks next.")] = "",
) -> None:
    """Stop serving a queue: running jobs go on, new ones are still accepted and wait."""
    with call.jobs() as jobs:
        jobs.pause_queue(queue, reason)
    _done(call, {"queue": queue, "paused": True, "reason": reason or None}, f"Queue {queue} is paused.")


@verb
def resume_queue(call: Call, queue: Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name.")]) -> None:
    """Serve a paused queue again."""
    with call.jobs() as jobs:
        jobs.resume_queue(queue)
    _done(call, {"queue": queue, "paused": False}, f"Queue {queue} is served again.")


@verb
def pause_ticks(
    call: Call,
    aggressive: Annotated[
        bool, typer.Option("--aggressive", help="Also stop running jobs at their next boundary, unharmed.")
    ] = False,
) -> None:
    """Pause the whole fleet: no tick anywhere claims a job until `ticks resume`."""
    with call.jobs() as jobs:
        jobs.pause_ticks("aggressive" if aggressive else "graceful")
    mode = "aggressive" if aggressive else "graceful"
    _done(call, {"fleet_paused": mode}, f"The fleet is paused ({mode}).")


@verb
def resume_ticks(call: Call) -> None:
    """Let the fleet claim again."""
    with call.jobs() as jobs:
        jobs.resume_ticks()
    _done(call, {"fleet_paused": None}, "The fleet claims again.")


@verb
def retry_dead(
    call: Call,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids, or their last 8 characters.")] = None,
    kind: Kind = None,
    queue: Queue = None,
    tenant: Tenant = None,
    meta: Meta = None,
    search: Search = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter there is.")] = False,
    fresh: Fresh = False,
) -> None:
    """Run dead letters again: those named, those that match, or with --all every one.

    A job whose unique key a newer job holds is left out of a bulk retry.
    """
    given = {"kind": kind, "queue": queue, "tenant": tenant, "meta": read.read_meta(meta), "search": search}
    filters = {name: value for name, value in given.items() if value is not None}
    if sum((bool(ids), bool(filters), everything)) != 1:
        raise typer.BadParameter(
            "name ids, or say which by --kind, --queue, --tenant, --meta, --search, or give --all."
        )
    with call.jobs() as jobs:
        if ids:
            retried = [job_id(jobs, text) for text in ids]
            for found in retried:
                jobs.retry(found, fresh=fresh)
        else:
            with show.progress("Retrying"):
                retried = jobs.retry_many(fresh=fresh, **filters)
    verb_ = "runs" if len(retried) == 1 else "run"
    _done(call, {"retried": retried}, f"{show.counted(len(retried), 'dead letter')} {verb_} again.")


@verb
def purge(
    call: Call,
    *,
    queue: Annotated[str, typer.Option("--queue", metavar="QUEUE", help="Whose jobs; it must be said.")],
    state: Annotated[Over, typer.Option("--state", help="Which jobs.")] = Over.failed,
    kind: Kind = None,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="TIME", help="Only what ended so long ago: 12h, 30d.")
    ] = "0",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete jobs of one queue that are over, with their payloads, results and steps. It asks first."""
    age = read.read_seconds(older_than, "--older-than") or 0.0
    with call.jobs() as jobs:
        if not yes:
            count = _count(jobs, state, queue, kind, age)
            what = f"{count} of queue {queue}" + (f" and kind {kind}" if kind else "")
            what += f" that ended {show.duration(age)} ago or earlier" if age else ""
            typer.confirm(f"Delete {what} for good, with payloads, results and steps?", abort=True, err=True)
        with show.progress("Deleting"):
            deleted = jobs.purge(state=state.value, queue=queue, kind=kind, older_than=age)
    _done(call, {"deleted": deleted}, f"{show.counted(deleted, f'{state.value} job')} deleted.")


def _count(jobs: Tickover, state: Over, queue: str, kind: str | None, age: float) -> str:
    """How many jobs a purge would delete, in words: exact for a whole queue, else counted up to a bound."""
    if kind is None and not age:
        counts = next((view.counts for view in jobs.stats().queues if view.name == queue), {})
        return show.counted(counts.get(state.value, 0), f"{state.value} job")
    count, cursor, now = 0, None, SystemClock().now()
    while count < _COUNTED_AT_MOST:
        page = jobs.find(state=state.value, queue=queue, kind=kind, limit=200, cursor=cursor)
        count += sum(job.finished_at is not None and (now - job.finished_at).total_seconds() >= age for job in page)
        cursor = page.next_cursor
        if cursor is None:
            return show.counted(count, f"{state.value} job")
    return f"more than {_COUNTED_AT_MOST:,} {state.value} jobs"


def _move(call: Call, text: str, move: Callable[[Tickover, str], None], done: str) -> None:
    """Does one thing to one job, and shows what became of it."""
    with call.jobs() as jobs:
        found = job_id(jobs, text)
        move(jobs, found)
        job = jobs.get(found)
    if call.json:
        show.document(job)
    elif job.state == "running":
        show.say(f"Job {job.short_id} ({job.kind}) is running, and will hear of it at its next boundary.")
    else:
        show.say(f"Job {job.short_id} ({job.kind}) {done}; it is {job.state}.")


def _done(call: Call, document: dict[str, object], text: str) -> None:
    if call.json:
        show.document(document)
    else:
        show.say(text)
