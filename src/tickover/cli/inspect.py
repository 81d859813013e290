"""The verbs of whoever watches: `jobs list`, `jobs show`, `queues`, `dead`, `events`, `stats`, `ticks`, `health`, `version`."""

from __future__ import annotations

import platform
from collections import deque
from collections.abc import Iterable
from contextlib import closing
from typing import Annotated, Any

import typer

from tickover.cli import read, show
from tickover.cli.call import Call, verb
from tickover.cli.find import job_id
from tickover.domain.job_view import Job, Page
from tickover.events import Event

UNHEALTHY = 4

JobArgument = Annotated[str, typer.Argument(metavar="ID", help="The job's id, or its last 8 characters or more.")]
Kind = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only this registered name.")]
Queue = Annotated[str | None, typer.Option("--queue", metavar="QUEUE", help="Only this queue.")]
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="Only this tenant's.")]
Unique = Annotated[str | None, typer.Option("--unique", metavar="KEY", help="Only this unique key.")]
Meta = Annotated[
    list[str] | None, typer.Option("--meta", metavar="KEY=VALUE", help="Only with this in meta; or a JSON object.")
]
Search = Annotated[
    str | None,
    typer.Option(
        "--search", metavar="TEXT", help="The end of an id, the start of a kind or key, any part of a payload or error."
    ),
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="Rows at most.")]
Cursor = Annotated[
    str | None, typer.Option("--cursor", metavar="CURSOR", help="Where the page before ended: its next_cursor.")
]


@verb
def list_jobs(
    call: Call,
    *,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            help="pending, running, waiting, paused, completed, failed, cancelled; or scheduled, retrying, dead.",
        ),
    ] = None,
    kind: Kind = None,
    queue: Queue = None,
    tenant: Tenant = None,
    meta: Meta = None,
    unique: Unique = None,
    search: Search = None,
    parent: Annotated[str | None, typer.Option("--parent", metavar="ID", help="Only what this job fanned out.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """List jobs, newest first."""
    with call.jobs() as jobs:
        page = jobs.find(
            state=state, kind=kind, queue=queue, tenant=tenant, meta=read.read_meta(meta), unique=unique, search=search,
            parent=None if parent is None else job_id(jobs, parent), limit=limit, cursor=cursor,
        )  # fmt: skip
    tell_page(call, page, "No job matches.")


@verb
def show_job(call: Call, job: JobArgument) -> None:
    """Show one job: its payload, its result or error, its counters, its steps."""
    with call.jobs() as jobs:
        found = jobs.get(job_id(jobs, job))
    if call.json:
        show.document(found)
        return
    show.pairs(show.facts(found))
    if found.steps:
        show.say("")
        show.table(
            ("STEP", "KIND", "TOOK", "WHEN", "VALUE"),
            [
                (
                    step.key,
                    step.kind,
                    "" if step.seconds is None else show.duration(step.seconds),
                    show.relative(step.created_at),
                    step.error or show.json_text(step.value),
                )
                for step in found.steps
            ],
        )


@verb
def list_queues(call: Call) -> None:
    """List the queues: their jobs by state, and which are paused."""
    if call.then:
        return
    with call.jobs() as jobs:
        stats = jobs.stats()
    if call.json:
        show.document({"queues": stats.queues, "fleet_paused": stats.fleet_paused})
        return
    states = [state for state, count in stats.by_state.items() if count or state == "pending"]
    heads = ("QUEUE", *(state.upper() for state in states), "OLDEST DUE", "SERVED")
    rows = [
        (
            queue.name,
            *(f"{queue.counts[state]:,}" for state in states),
            show.relative(queue.oldest_due_at),
            f"paused: {queue.reason}" if queue.paused and queue.reason else "paused" if queue.paused else "yes",
        )
        for queue in stats.queues
    ]
    show.table(heads, rows, empty="No queue has a job.")
    _warn_of_pause(stats.fleet_paused)


@verb
def list_dead(
    call: Call,
    *,
    kind: Kind = None,
    queue: Queue = None,
    tenant: Tenant = None,
    meta: Meta = None,
    search: Search = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """List dead letters, newest first: jobs that failed for good and are kept for triage."""
    with call.jobs() as jobs:
        page = jobs.dead_letters(
            kind=kind, queue=queue, tenant=tenant, meta=read.read_meta(meta), search=search, limit=limit, cursor=cursor
        )
    tell_page(call, page, "No dead letters.")


@verb
def events(
    call: Call,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more, until Ctrl-C.")] = False,
    after: Annotated[int, typer.Option("--after", metavar="SEQ", min=0, help="Only behind this event: its seq.")] = 0,
    last: Annotated[
        int | None, typer.Option("--last", "-n", metavar="N", min=0, help="Of those that exist, only so many.")
    ] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="ID", help="Only this job's.")] = None,
) -> None:
    """Print what happened, oldest first, one event a line (with --json one JSON document a line)."""
    with call.jobs() as jobs:
        about = None if job is None else job_id(jobs, job)
        if last is not None:
            newest: deque[Event] = deque(maxlen=last)
            for event in jobs.events(after=after, job_id=about):
                newest.append(event)
                after = event.seq
            _tell_events(call, newest)
        if last is None or follow:
            stream: Any = jobs.events(after=after, follow=follow, job_id=about)
            with closing(stream):
                try:
                    _tell_events(call, stream)
                except KeyboardInterrupt:
                    if not follow:  # then it is an end like any other
                        raise


@verb
def stats(call: Call) -> None:
    """Count the jobs by state: exact numbers, over all queues."""
    with call.jobs() as jobs:
        found = jobs.stats()
    if call.json:
        show.document(found)
        return
    show.table(
        ("STATE", "JOBS"), [(state, f"{count:,}") for state, count in (*found.by_state.items(), ("total", found.total))]
    )
    _warn_of_pause(found.fleet_paused)


@verb
def list_ticks(call: Call, limit: Limit = 20) -> None:
    """List the latest ticks that had work, newest first."""
    if call.then:
        return
    with call.jobs() as jobs:
        found = jobs.ticks(limit=limit)
    if call.json:
        show.document({"ticks": found})
        return
    charged = any(tick.cost is not None for tick in found)
    heads = ("ID", "TRIGGER", "STARTED", "TOOK", "ENDED", *(["COST"] if charged else []), "WORK")
    rows = [
        (
            tick.id[-8:],
            tick.trigger,
            show.relative(tick.started_at),
            show.duration((tick.ended_at - tick.started_at).total_seconds()) if tick.ended_at else "",
            tick.stopped_because or "",
            *([show.dollars(tick.cost)] if charged else []),
            show.work(tick),
        )
        for tick in found
    ]
    show.table(heads, rows, empty="No tick had work yet.")


@verb
def health(
    call: Call,
    patience: Annotated[
        str, typer.Option("--patience", metavar="TIME", help="How long a due job may wait: 120, 5m.")
    ] = "120",
) -> None:
    """Say whether work is done: exits 0 when it is, 4 when due jobs or lost leases wait too long."""
    with call.jobs() as jobs:
        found = jobs.health(patience=read.read_seconds(patience, "--patience") or 0.0)
    if call.json:
        show.document(found)
    else:
        oldest = (
            "" if found.oldest_due_seconds is None else f", the oldest for {show.duration(found.oldest_due_seconds)}"
        )
        show.say("healthy" if found.ok else "unhealthy", style="green" if found.ok else "red")
        for problem in found.problems:
            show.say(f"  {problem}")
        show.say(f"{found.due:,} due{oldest}; {show.counted(found.dead_letters, 'dead letter')}; {found.database}.")
        _warn_of_pause("paused" if found.facts.get("fleet_paused") else None)
    if not found.ok:
        raise typer.Exit(UNHEALTHY)


@verb
def version(call: Call) -> None:
    """Print the versions of Tickover, of the tables it needs, and of Python."""
    from importlib.metadata import PackageNotFoundError, metadata

    from tickover.store.migrate import HEAD

    try:
        ours = metadata("tickover")["Version"]
    except PackageNotFoundError:  # run from its sources
        ours = "unknown"
    found = {"tickover": ours, "tables": HEAD, "python": platform.python_version()}
    if call.json:
        show.document(found)
    else:
        show.say(f"tickover {found['tickover']} (tables {found['tables']}, Python {found['python']})")


def tell_page(call: Call, page: Page[Job], empty: str) -> None:
    """Prints a page of jobs."""
    if call.json:
        show.document({"jobs": list(page), "next_cursor": page.next_cursor})
        return
    show.table(show.JOB_HEADS, [show.job_row(job) for job in page], empty=empty)
    if page.next_cursor:
        show.say(f"There are more: --cursor {page.next_cursor}")


def _tell_events(call: Call, found: Iterable[Event]) -> None:
    for event in found:
        if call.json:
            show.json_line(event)
        else:
            show.say(show.event_line(event))


def _warn_of_pause(mode: str | None) -> None:
    if mode:
        show.say(
            f"The fleet is paused ({mode}): no tick claims anything until `tickover ticks resume`.", style="yellow"
        )
