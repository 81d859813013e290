"""A process that ticks on and on until it is killed; its handlers tell a ledger when they begin and when they end."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Final

import psycopg  # noqa: F401  # imported before the fork, like everything else that a warm worker has

from tests.support.ledger import Ledger
from tickover import Budget, Context, Settings, Tickover, cap, rate
from tickover.errors import StorageUnavailable

CAP: Final = 3
RATE: Final = 4
PER: Final = 0.5


class ToLedger(logging.Handler):
    """Warnings of ours are lines too: a deadlock is a defect, even where it is survived."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(logging.WARNING)
        self._ledger = ledger

    def emit(self, record: logging.LogRecord) -> None:
        self._ledger.write("warning", said=record.getMessage())


def application(url: str, ledger: Ledger) -> Tickover:
    jobs = Tickover(url, settings=Settings(lease=4.0, grace=0.2, concurrency=6))

    def run(ctx: Context, key: str) -> None:
        ledger.write("enter", job=ctx.job_id, key=key)
        time.sleep(0.02)
        ledger.write("leave", job=ctx.job_id, key=key)

    @jobs.job("capped", limits=[cap("gpu", CAP)], max_crashes=1000)
    def capped(ctx: Context, n: int) -> None:
        run(ctx, "gpu")

    @jobs.job("keyed", limits=[cap("tenant", 1, key=lambda job: job.tenant)], max_crashes=1000)
    def keyed(ctx: Context, n: int) -> None:
        run(ctx, f"tenant:{ctx.tenant}")

    @jobs.job("both", limits=[cap("gpu", CAP), cap("disk", 2)], max_crashes=1000)
    def both(ctx: Context, n: int) -> None:
        run(ctx, "gpu")

    @jobs.job("rated", limits=[rate("crm", RATE, per=PER)], max_crashes=1000)
    def rated(ctx: Context, n: int) -> None:
        run(ctx, "crm")

    return jobs


def main(*, url: str, ledger: str) -> None:
    """Ticks until it is killed. That the database is busy is an answer; anything else ends it with a traceback."""
    book = Ledger(Path(ledger))
    logging.getLogger("tickover").addHandler(ToLedger(book))
    jobs = application(url, book)
    while True:
        try:
            if not jobs.tick(Budget(2.0)).claimed:
                jobs.run_reaper(1.0)
                time.sleep(0.05)
        except StorageUnavailable as error:
            book.write("away", said=str(error))
