"""The application of the end-to-end tests, and its Lambda functions, run by real awslambdaric processes."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from tickover import Context, Tickover
from tickover.aws import migrate_handler, reaper_handler, scheduler_handler, tick_handler, web_handler

jobs = Tickover.from_env()


def note(what: str) -> None:
    """A line in a table of the test's own, on a connection of its own: what ran, whether or not the job knows."""
    with psycopg.connect(os.environ["TICKOVER_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("INSERT INTO ran (what) VALUES (%s)", (what,))


@jobs.job
def child(n: int) -> int:
    """One of fifty."""
    time.sleep(0.02)
    return n


@jobs.job
def order(ctx: Context, nap: float) -> int:
    """Sleeps, fans out, waits for somebody to call back, and ends."""
    ctx.step("begin", note, "begin")
    ctx.sleep(nap)
    results = ctx.fan_out([child.new(n) for n in range(50)])
    total = sum(result.value for result in results)
    payment = ctx.callback("payment", returns=int)
    ctx.step("link", keep, payment.url)
    paid = payment.wait()
    ctx.step("end", note, "end")
    return total + (paid or 0)


@jobs.job
def held(n: int) -> int:
    """Runs for as long as the gate is a pipe that nobody writes to; where it is a file, not at all."""
    Path(os.environ["GATE"]).read_bytes()
    return n


@jobs.job
def quick(sent: float) -> None:
    """Says how long it took from the enqueue to here."""
    note(f"{time.time() - sent:.6f}")


def keep(url: str) -> None:
    """Where the test finds the link that a customer would get."""
    note(f"url {url}")


tick = tick_handler(jobs)
scheduler = scheduler_handler(jobs)
reaper = reaper_handler(jobs)
migrate = migrate_handler(jobs)


@cache
def _web() -> Any:
    return web_handler(jobs)


def web(event: Any, context: Any) -> Any:
    """Where callback links lead; made when first asked, since the other functions need no FastAPI."""
    return _web()(event, context)


def producer(event: Any, _context: Any) -> Any:
    """Any other Lambda function that enqueues."""
    payload = event.get("payload", [])
    return {"id": jobs.enqueue(event["kind"], *payload)}


def empty(_event: Any, _context: Any) -> Any:
    """What the cold start of an empty tick is compared with."""
    with psycopg.connect(os.environ["TICKOVER_DATABASE_URL"], autocommit=True) as connection:
        return connection.execute("SELECT 1").fetchone()
