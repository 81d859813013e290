"""The peers a user would pick instead, each used as its own documentation recommends for throughput."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
from pgqueuer import PgQueuer
from pgqueuer.db import PsycopgDriver
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode
from procrastinate import App, PsycopgConnector

PGQUEUER_BATCH = 200


async def _with_pgqueuer(url: str, work: Callable[[Any], Awaitable[None]]) -> float:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        driver = PsycopgDriver(connection)
        start = time.perf_counter()
        await work(driver)
        return time.perf_counter() - start


def pgqueuer_prepare(url: str) -> None:
    async def install(driver: Any) -> None:
        await Queries(driver).install()

    asyncio.run(_with_pgqueuer(url, install))


def pgqueuer_enqueue(url: str, count: int) -> float:
    async def enqueue(driver: Any) -> None:
        await Queries(driver).enqueue(["noop"] * count, [str(n).encode() for n in range(count)], [0] * count)

    return asyncio.run(_with_pgqueuer(url, enqueue))


def pgqueuer_enqueue_one(url: str, count: int) -> float:
    async def enqueue(driver: Any) -> None:
        queries = Queries(driver)
        for n in range(count):
            await queries.enqueue("noop", str(n).encode())

    return asyncio.run(_with_pgqueuer(url, enqueue))


def pgqueuer_drain(url: str, count: int) -> float:  # it stops when nothing is left
    async def drain(driver: Any) -> None:
        queue = PgQueuer(driver)

        @queue.entrypoint("noop")
        async def noop(job: Any) -> None: ...

        await queue.run(mode=QueueExecutionMode.drain, batch_size=PGQUEUER_BATCH)

    return asyncio.run(_with_pgqueuer(url, drain))


def _procrastinate(url: str) -> tuple[App, Any]:
    app = App(connector=PsycopgConnector(conninfo=url))

    @app.task(name="noop")
    async def noop(n: int) -> None: ...

    return app, noop


async def _with_procrastinate(url: str, work: Callable[[App, Any], Awaitable[None]]) -> float:
    app, noop = _procrastinate(url)
    async with app.open_async():
        start = time.perf_counter()
        await work(app, noop)
        return time.perf_counter() - start


def procrastinate_prepare(url: str) -> None:
    async def install(app: App, _noop: Any) -> None:
        await app.schema_manager.apply_schema_async()

    asyncio.run(_with_procrastinate(url, install))


def procrastinate_enqueue(url: str, count: int) -> float:
    async def enqueue(_app: App, noop: Any) -> None:
        await noop.batch_defer_async(*({"n": n} for n in range(count)))

    return asyncio.run(_with_procrastinate(url, enqueue))


def procrastinate_enqueue_one(url: str, count: int) -> float:
    async def enqueue(_app: App, noop: Any) -> None:
        for n in range(count):
            await noop.defer_async(n=n)

    return asyncio.run(_with_procrastinate(url, enqueue))


def procrastinate_drain(url: str, count: int) -> float:  # it stops when nothing is left
    async def drain(app: App, _noop: Any) -> None:
        await app.run_worker_async(wait=False, concurrency=10, listen_notify=False, install_signal_handlers=False)

    return asyncio.run(_with_procrastinate(url, drain))


def dbos_workflows(url: str, count: int, at_once: int) -> float:
    """Seconds for that many workflows of five steps on DBOS, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.dbos_worker", url, str(count), str(at_once)]
    ended = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    return float(ended.stdout.strip().splitlines()[-1])
