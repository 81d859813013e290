"""What the process that dies or freezes does: one act on one application, stopped at one named point."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import psycopg  # noqa: F401  # imported before the fork, like everything else that a warm worker has
import pydantic

from tests.crash import flows
from tests.support.ledger import Ledger, record
from tests.support.process_nursery import say
from tickover import AsyncContext, Budget, Context, ExponentialBackoff, Settings, Tickover, TickoverError, faults
from tickover.app import callbacks
from tickover.domain.ids import JobId, StepKey
from tickover.engine.wake import Arrival, Note, WakeFailed
from tickover.store.port import OutcomeUnknown

pydantic.TypeAdapter(float)  # pydantic imports itself piece by piece, at the first use
LEASE: Final = 0.4
GRACE: Final = 0.2
_CODE: Final = Settings(lease=LEASE, grace=GRACE, concurrency=4, secret="a secret for tests only")


def application(url: str, ledger: Ledger, *, newer: bool = False) -> Tickover:
    """The application under test; only `newer` code knows the kind `stranger`."""
    jobs = Tickover(url, settings=_CODE)

    @jobs.middleware
    def executed(context: Context | AsyncContext) -> Iterator[None]:
        job, epoch = context.fence
        ledger.write("begin", job=job, epoch=epoch)
        yield

    @jobs.job
    def plain(number: int) -> int:
        return number

    @jobs.job
    def slow(seconds: float) -> None:
        time.sleep(seconds)

    @jobs.job
    def chatty(context: Context) -> None:
        context.progress(0.5, "half")
        time.sleep(LEASE / 2)  # long enough for the tick to write it down before the job ends

    @jobs.job(backoff=ExponentialBackoff(initial=0), retries=1)
    def flaky(context: Context) -> str:
        if context.attempt == 1:
            raise ValueError("the first attempt fails")
        return "done"

    flows.register(jobs)
    if newer:

        @jobs.job
        def stranger() -> str:
            return "known at last"

    return jobs


def main(
    *, url: str, ledger: str, act: str, ids: list[str], point: str, how: Literal["kill", "freeze"], cut: str | None
) -> None:
    """Does one act; at `point` it says so and kills or freezes itself. At `cut` the connection seems to break, once."""
    book = Ledger(Path(ledger))
    record(book)
    jobs = application(url, book)
    hits: Counter[str] = Counter()

    def on_hit(name: str) -> None:
        hits[name] += 1
        if name == point and hits[name] == 1:
            say("reached", point=name)
            os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGSTOP)
        if name == cut and hits[name] == 1:
            raise OutcomeUnknown("the test cut the connection")

    faults.arm(on_hit)
    try:
        answer = ACTS[act](jobs, ids)
    except TickoverError as error:
        say("refused", error=f"{type(error).__name__}: {error}")
    else:
        say("done", answer=answer)


def _tick(jobs: Tickover, most: int | None = None) -> Any:
    report = jobs.tick(Budget(20, max_jobs=most))
    return {"completed": report.completed, "lost": report.lost, "stopped": report.stopped_because}


def answer(jobs: Tickover, job: str) -> bool:
    """Posts the one answer that a job asked for, as the web edge does."""
    core, key = jobs._core, StepKey("callback:answer#0")
    token, _ = callbacks.sign(core, JobId(job), 0, key, None)
    return callbacks.deliver(core, token, 5)


def _unanswered(call: Callable[[], object]) -> None:
    call()


class _Wakes:
    """A waker whose wakes cost something, on a platform that is up or down."""

    precision = 0.0

    def __init__(self, *, up: bool = True) -> None:
        self._up = up

    def wake(self, at: datetime | None) -> None:
        """Not used: what costs something is sent."""

    def send(self, at: datetime | None, note: Note) -> Arrival | None:
        if not self._up:
            raise WakeFailed("the platform is down")
        return None if at is None else Arrival(first=at, last=at)


def _waking(jobs: Tickover, *, up: bool = True) -> Tickover:
    core = jobs._core
    core.waker, core.settings = _Wakes(up=up), core.settings.but(profile="zero-idle")
    return jobs


ACTS: Final[dict[str, Callable[[Tickover, list[str]], Any]]] = {
    "tick": lambda jobs, _: _tick(jobs),
    "short tick": lambda jobs, _: _tick(jobs, 1),  # it did not see the end of the queue, so it looks what is due
    "reap": lambda jobs, _: jobs.run_reaper(5).reaped,
    "enqueue": lambda jobs, _: jobs.enqueue("plain", 7),
    "enqueue many": lambda jobs, _: jobs.enqueue("plain", 7, unique="the key", idempotency_key="the window"),
    "enqueue again": lambda jobs, _: jobs.enqueue("plain", 7, unique="held"),
    "cancel": lambda jobs, ids: _unanswered(lambda: jobs.cancel(ids[0])),
    "pause_job": lambda jobs, ids: _unanswered(lambda: jobs.pause_job(ids[0])),
    "resume_job": lambda jobs, ids: _unanswered(lambda: jobs.resume_job(ids[0])),
    "retry": lambda jobs, ids: _unanswered(lambda: jobs.retry(ids[0])),
    "purge": lambda jobs, _: jobs.purge(state="completed", queue="default"),
    "pause_queue": lambda jobs, _: _unanswered(lambda: jobs.pause_queue("default")),
    "resume_queue": lambda jobs, _: _unanswered(lambda: jobs.resume_queue("default")),
    "pause_ticks": lambda jobs, _: _unanswered(jobs.pause_ticks),
    "resume_ticks": lambda jobs, _: _unanswered(jobs.resume_ticks),
    "nudge": lambda jobs, _: _waking(jobs).enqueue("plain", 7),
    "nudge in vain": lambda jobs, _: _waking(jobs, up=False).enqueue("plain", 7),
    "arm": lambda jobs, _: _waking(jobs).enqueue("plain", 7, delay=1),
    "chain": lambda jobs, _: _tick(_waking(jobs), 1),
    "signal": lambda jobs, ids: _unanswered(lambda: jobs.signal(ids[0], "go", 5, message_id="the one")),
    "answer": lambda jobs, ids: answer(jobs, ids[0]),
    "read_events": lambda jobs, _: sum(1 for _event in jobs.events()),
}
