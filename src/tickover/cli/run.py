"""The verbs that write and run jobs: `tick`, `drain`, `enqueue`."""

from __future__ import annotations

import sys
from typing import Annotated, Any, cast

import typer

from tickover import Budget, Tickover, TickReport
from tickover.app.turn import Part, check, turn
from tickover.cli import read, show
from tickover.cli.call import Call, verb
from tickover.cli.stop import stopping
from tickover.domain.options import EnqueueOptions
from tickover.errors import StorageUnavailable

Seconds = Annotated[
    float,
    typer.Option("--seconds", metavar="SECONDS", min=0.05, max=86_400, help="Seconds the tick may take, all in all."),
]
Queues = Annotated[
    str | None,
    typer.Option(
        "--queues",
        metavar="NAMES",
        help="Which queues: default,emails. With how many jobs at once: default=10,emails=5.",
    ),
]
Concurrency = Annotated[int | None, typer.Option("--concurrency", metavar="N", min=1, max=1000, help="Jobs at once.")]


@verb
def tick(
    call: Call,
    *,
    seconds: Seconds = 55,
    max_jobs: Annotated[
        int | None, typer.Option("--max-jobs", metavar="N", min=1, help="Jobs claimed at most.")
    ] = None,
    queues: Queues = None,
    concurrency: Concurrency = None,
    only: Annotated[Part | None, typer.Option("--only", help="Only this part of a tick.")] = None,
) -> None:
    """Run what is due, within a budget, and exit: schedules first, then the reaper, then jobs.

    Made for a timer, such as a cron line each minute: * * * * * tickover tick --app shop.jobs:jobs

    SIGTERM or Ctrl-C ends it gracefully, with what runs given back; a second one ends it at once.
    """
    options: dict[str, Any] = {"queues": read.read_rooms(queues), "concurrency": concurrency}
    with call.jobs(handlers=only != "reaper") as jobs, stopping() as stop:
        report = turn(jobs, Budget(seconds, max_jobs=max_jobs), only=only, stop=stop, trigger="cli", **options)
    tell(call, report, "tick" if only in (None, "jobs") else str(only))
    check(report)


@verb
def drain(
    call: Call,
    *,
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="How long at most: 30, 90s, 15m.")] = "30",
    queues: Queues = None,
    concurrency: Concurrency = None,
) -> None:
    """Run jobs until nothing is due: for local work and for tests.

    What becomes due before the timeout, such as a retry, is waited for.
    """
    longest = read.read_seconds(timeout, "--timeout") or 0.0
    with call.jobs(handlers=True) as jobs, show.progress("Draining", lambda: _unfinished(jobs)) as advance:
        if advance is not None:
            jobs.on_job_complete(lambda _job: advance(1))
            jobs.on_job_fail(lambda _job, _error: advance(1))
        report = jobs.drain(longest, queues=read.read_rooms(queues), concurrency=concurrency)
    tell(call, report, "drain")
    if report.stopped_because == "error":
        raise StorageUnavailable(report.error)


Kind = Annotated[str, typer.Argument(metavar="KIND", help="The registered name, such as send-email.")]
Payload = Annotated[
    str | None, typer.Argument(metavar="JSON", help="What the handler takes, as JSON; - reads it from stdin.")
]
Queue = Annotated[str | None, typer.Option("--queue", metavar="QUEUE", help="The lane it waits in.")]
Priority = Annotated[int | None, typer.Option("--priority", metavar="N", help="Higher runs first, -32768 to 32767.")]
Retries = Annotated[int | None, typer.Option("--retries", metavar="N", help="Retries after the first run.")]
Delay = Annotated[
    str | None, typer.Option("--delay", metavar="TIME", help="Not before this time has passed: 90, 15m, 7d.")
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="WHEN", help="Not before: 2030-01-31T09:00, local, or with an offset."),
]
Unique = Annotated[
    str | None, typer.Option("--unique", metavar="KEY", help="Refused while an unfinished job has this key.")
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option("--idempotency-key", metavar="KEY", help="Again within a day, the first job's id comes back."),
]
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="Whose job it is.")]
Meta = Annotated[
    list[str] | None,
    typer.Option("--meta", metavar="KEY=VALUE", help="Notes for people and filters; or a JSON object."),
]
Timeout = Annotated[str | None, typer.Option("--timeout", metavar="TIME", help="How long one run may take: 90, 15m.")]
Remote = Annotated[bool, typer.Option("--remote", help="The kind is unknown here: other code runs it.")]


@verb
def enqueue(
    call: Call,
    *,
    kind: Kind,
    payload: Payload = None,
    queue: Queue = None,
    priority: Priority = None,
    retries: Retries = None,
    delay: Delay = None,
    at: At = None,
    unique: Unique = None,
    idempotency_key: IdempotencyKey = None,
    tenant: Tenant = None,
    meta: Meta = None,
    timeout: Timeout = None,
    remote: Remote = False,
) -> None:
    """Write one job and print its id: it is durable then.

    For example: tickover enqueue send-email '{"to": "ann@example.org"}' --delay 15m --unique order-7
    """
    given = () if payload is None else (read.read_json(sys.stdin.read() if payload == "-" else payload, "The payload"),)
    wanted = {
        "queue": queue, "priority": priority, "retries": retries, "delay": read.read_seconds(delay, "--delay"),
        "at": read.read_instant(at), "unique": unique, "idempotency_key": idempotency_key, "tenant": tenant,
        "meta": read.read_meta(meta), "timeout": read.read_seconds(timeout, "--timeout"),
    }  # fmt: skip
    options = cast(EnqueueOptions, {name: value for name, value in wanted.items() if value is not None})
    with call.jobs(handlers=not remote) as jobs:
        job_id = jobs.enqueue(kind, *given, remote=remote, **options)
    if call.json:
        show.document({"id": job_id})
    else:
        show.say(job_id)


def _unfinished(jobs: Tickover) -> int:
    counts = jobs.stats().by_state
    return counts["pending"] + counts["running"]


def worked(report: TickReport) -> bool:
    """Whether anything was done that is worth a line."""
    return any(getattr(report, name) for name in show.WORK)


def tell(call: Call, report: TickReport, name: str = "tick") -> None:
    """Prints a report: a line for people, an object for programs."""
    if call.json:
        show.json_line(report.to_json())
        return
    done = show.work(report) or "no work"
    show.say(f"{name} {report.tick_id[-8:]}: {done} in {show.duration(report.seconds)}; {_ahead(report)}.")


def _ahead(report: TickReport) -> str:
    if report.stopped_because == "paused":
        return "the fleet is paused"
    if report.more:
        return "more is due now"
    return f"next due {show.relative(report.next_due_at)}" if report.next_due_at else "nothing else is due"
