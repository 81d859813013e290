"""The verbs that write and run jobs: `tick`, `drain`, `dev`, `enqueue`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated, Any, Final, cast

import typer

from tickover import Budget, LocalWaker, Tickover, TickReport
from tickover.cli import read, show
from tickover.cli.call import Call, verb
from tickover.cli.stop import Stop, stopping
from tickover.clock import SystemClock
from tickover.domain.job import Job
from tickover.domain.options import EnqueueOptions
from tickover.errors import StorageUnavailable

_LONGEST_REST: Final = 1.0
_LOOKS: Final = 10


class Part(StrEnum):
    """What `--only` takes."""

    jobs = "jobs"
    reaper = "reaper"


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
    """Run what is due, within a budget, and exit: the reaper first, then jobs.

    Made for a timer, such as a cron line each minute: * * * * * tickover tick --app shop.jobs:jobs

    SIGTERM or Ctrl-C ends it gracefully, with what runs given back; a second one ends it at once.
    """
    options: dict[str, Any] = {"queues": read.read_rooms(queues), "concurrency": concurrency}
    with call.jobs(handlers=only != Part.reaper) as jobs, stopping() as stop:
        report = _turn(jobs, Budget(seconds, max_jobs=max_jobs), stop, trigger="cli", only=only, **options)
    _tell(call, report, "reaper" if only == Part.reaper else "tick")
    if report.stopped_because == "error":
        raise StorageUnavailable(report.error)


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
    _tell(call, report, "drain")
    if report.stopped_because == "error":
        raise StorageUnavailable(report.error)


@verb
def dev(call: Call, *, seconds: Seconds = 55, queues: Queues = None, concurrency: Concurrency = None) -> None:
    """Everything in one process, for a laptop: bring the tables up to date, then tick whenever something is due.

    One line for each tick that had work, one for each run that failed. Ctrl-C ends it gracefully.
    """
    options: dict[str, Any] = {"queues": read.read_rooms(queues), "concurrency": concurrency}
    trouble = ""
    with call.jobs(handlers=True) as jobs, stopping() as stop:
        jobs.migrate()
        waker = _hear_wakes(jobs)
        if not call.json:
            _tell_failures(jobs)
            show.say("Jobs run here as soon as they are due. Ctrl-C ends it.")
        while not stop.is_set():
            report = None
            try:
                report = _turn(jobs, Budget(seconds), stop, trigger="dev", **options)
                said = report.error or ""
            except StorageUnavailable as error:  # a database that is restarted: there is a next turn
                said = str(error)
            if said and said != trouble:
                show.complain(f"{said} Trying again.")
            trouble = said
            if report is not None and _worked(report):
                _tell(call, report)
            _rest(waker, report, stop)


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


def _turn(
    jobs: Tickover, budget: Budget, stop: Stop, *, trigger: str, only: Part | None = None, **options: Any
) -> TickReport:
    """The reaper, then jobs, in one budget."""
    clock = SystemClock()
    start = clock.monotonic()
    if only == Part.jobs:
        return jobs.tick(budget, stop=stop, trigger=trigger, **options)
    reaped = jobs.run_reaper(budget)
    if only == Part.reaper or stop.is_set():
        return reaped
    left = max(0.05, budget.seconds - (clock.monotonic() - start))
    report = jobs.tick(Budget(left, max_jobs=budget.max_jobs), stop=stop, trigger=trigger, **options)
    report.reaped += reaped.reaped
    report.failed += reaped.failed
    report.statements += reaped.statements
    report.seconds += reaped.seconds
    return report


def _unfinished(jobs: Tickover) -> int:
    counts = jobs.stats().by_state
    return counts["pending"] + counts["running"]


def _rest(waker: LocalWaker, report: TickReport | None, stop: Stop) -> None:
    """Waits until something is due, a wake comes or the end is asked for; a second at most: others enqueue too."""
    if report is not None and report.more and _worked(report):
        return
    wait = _LONGEST_REST
    if report is not None and report.next_due_at is not None:
        left = (report.next_due_at - SystemClock().now()).total_seconds()
        wait = min(wait, max(0.05, left))
    for _ in range(_LOOKS):
        if stop.is_set() or waker.wait(wait / _LOOKS):
            return


def _hear_wakes(jobs: Tickover) -> LocalWaker:
    """From now on the application's wakes come to this process, whatever they start in production."""
    core = jobs._core  # noqa: SLF001  # a waker is given at construction, and only `dev` takes its place
    if not isinstance(core.waker, LocalWaker):
        core.waker = LocalWaker()
    return core.waker


def _tell_failures(jobs: Tickover) -> None:
    def tell(what: str, job: Job, error: BaseException) -> None:
        said = show.one_line(f"{type(error).__name__}: {error}")
        show.say(f"  {job.short_id} {job.kind} {what}, attempt {job.attempt}: {said}", style="red")

    jobs.on_retry(lambda job, error: tell("will be retried", job, error))
    jobs.on_job_fail(lambda job, error: tell("failed", job, error))


def _worked(report: TickReport) -> bool:
    return any(getattr(report, name) for name in show.WORK)


def _tell(call: Call, report: TickReport, name: str = "tick") -> None:
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
