"""One tick, or one reaper, in a process of its own: what a platform would start, and what the harness kills."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Literal

import psycopg  # noqa: F401  # imported before the fork, like everything else that a warm worker has
import pydantic

from tests.chaos.workload import application
from tests.support.ledger import Ledger, record
from tests.support.process_nursery import say
from tickover import Budget, faults
from tickover.errors import StorageUnavailable

pydantic.TypeAdapter(float)  # pydantic imports itself piece by piece, at the first use


def main(*, url: str, ledger: str, what: Literal["tick", "reaper"], seconds: float, stop_at: str | None) -> None:
    """Runs one invocation to its end; that the database is away is an answer, anything else is a traceback.

    At the named point `stop_at` it freezes itself, once.
    """
    book = Ledger(Path(ledger))
    record(book)

    def on_hit(name: str) -> None:
        if name == stop_at:
            faults.arm(None)
            os.kill(os.getpid(), signal.SIGSTOP)

    faults.arm(on_hit)
    jobs = application(url, book)
    try:
        report = jobs.tick(Budget(seconds)) if what == "tick" else jobs.run_reaper(seconds)
    except StorageUnavailable as error:
        book.write("away", error=str(error)[:200])
        say("away")
        return
    book.write("report", of=what, **report.to_json())
    say("report", more=report.more, stopped=report.stopped_because)
