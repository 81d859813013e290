"""The verb `dev`: everything in one process, for a laptop. It sleeps until something is due, or somebody says so."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Final

import typer

from tickover import Budget, LocalWaker, Tickover, TickReport
from tickover.app.turn import turn
from tickover.cli import read, show
from tickover.cli.call import Call, verb
from tickover.cli.run import Concurrency, Queues, Seconds, tell, worked
from tickover.cli.serve import serving
from tickover.cli.stop import Stop, stopping
from tickover.clock import SystemClock
from tickover.domain.ids import TickId, new_id
from tickover.domain.job_view import Job
from tickover.errors import StorageUnavailable
from tickover.store.port import Due

#: Other processes enqueue too, and SQLite cannot tell us: one small read so often, and nothing more, while idle.
_LOOK_EVERY: Final = 1.0

Port = Annotated[
    int | None,
    typer.Option(
        "--port", metavar="PORT", min=0, max=65_535, help="Where the web application listens, on 127.0.0.1 only."
    ),
]
Web = Annotated[bool, typer.Option("--web/--no-web", help="Serve the web application, where its extra is installed.")]


@verb
def dev(
    call: Call,
    *,
    seconds: Seconds = 55,
    queues: Queues = None,
    concurrency: Concurrency = None,
    port: Port = None,
    web: Web = True,
) -> None:
    """Everything in one process, for a laptop: bring the tables up to date, then tick whenever something is due.

    Schedules fire, timers end, and the web application is served, on this machine only. One line for each tick that had
    work, one for each run that failed. Ctrl-C ends it gracefully.
    """
    options: dict[str, Any] = {"queues": read.read_rooms(queues), "concurrency": concurrency}
    with call.jobs(handlers=True, tables=False) as jobs, stopping() as stop:
        jobs.migrate()
        waker = _hear_wakes(jobs, stop)
        with serving(jobs, port=port, wanted=web) as url:
            if not call.json:
                _tell_failures(jobs)
                show.say(
                    f"Jobs run here as soon as they are due{f'; {url} shows them' if url else ''}. Ctrl-C ends it."
                )
            _loop(call, jobs, waker, stop, budget=Budget(seconds), **options)


def _loop(call: Call, jobs: Tickover, waker: LocalWaker, stop: Stop, *, budget: Budget, **options: Any) -> None:
    trouble = ""
    while not stop.is_set():
        report = None
        try:
            report = turn(jobs, budget, stop=stop, trigger="dev", **options)
            said = report.error or ""
        except StorageUnavailable as error:  # a database that is restarted: there is a next turn
            said = str(error)
        if said and said != trouble:
            show.complain(f"{said} Trying again.")
        trouble = said
        if report is not None and worked(report):
            tell(call, report)
        if report is None or report.error:
            waker.wait(_LOOK_EVERY)
        elif not (report.more and worked(report)):
            _rest(jobs, waker, stop, report, options["queues"])


def _rest(jobs: Tickover, waker: LocalWaker, stop: Stop, report: TickReport, queues: Collection[str] | None) -> None:
    """Returns when something is due, or when the end is asked for; until then it sleeps."""
    at, clock = report.next_due_at, SystemClock()
    if report.more:  # due, and yet nothing could be done about it: no reason to try it all the time
        waker.wait(_LOOK_EVERY)
        return
    while not stop.is_set():
        # An estimate by our clock: the database's decides, and is asked again before anything is run.
        left = _LOOK_EVERY if at is None else (at - clock.now()).total_seconds()
        waker.wait(min(_LOOK_EVERY, max(0.05, left)))
        if at is not None and clock.now() >= at:
            return
        try:
            due = _due(jobs, queues)
        except StorageUnavailable:
            return  # the next turn says so
        if due.now and not due.paused:
            return
        at = min((instant for instant in (report.next_due_at, due.at) if instant is not None), default=None)


def _due(jobs: Tickover, queues: Collection[str] | None) -> Due:
    core = jobs._core  # noqa: SLF001  # a question that only this loop has
    served = core.settings.queues if queues is None else queues
    rooms = None if served is None else dict.fromkeys(served, 1)
    return core.do(lambda store: store.due(TickId(new_id()), rooms))


def _hear_wakes(jobs: Tickover, stop: Stop) -> LocalWaker:
    """From now on the application's wakes come to this process, whatever they start in production."""
    core = jobs._core  # noqa: SLF001  # a waker is given at construction, and only `dev` takes its place
    if not isinstance(core.waker, LocalWaker):
        core.waker = LocalWaker()
    waker = core.waker
    stop.then = lambda: waker.wake(None)
    return waker


def _tell_failures(jobs: Tickover) -> None:
    def line(what: str, job: Job, error: BaseException) -> None:
        said = show.one_line(f"{type(error).__name__}: {error}")
        show.say(f"  {job.short_id} {job.kind} {what}, attempt {job.attempt}: {said}", style="red")

    jobs.on_retry(lambda job, error: line("will be retried", job, error))
    jobs.on_job_fail(lambda job, error: line("failed", job, error))
