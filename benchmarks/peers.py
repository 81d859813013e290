"""The peers a user would pick instead, each with the settings its documentation gives for throughput."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta


def pgqueuer_drain(url: str, count: int) -> float:
    """Seconds in which PgQueuer, batch size 200, runs every job; enqueuing is not timed."""
    return asyncio.run(_pgqueuer(url, count))


async def _pgqueuer(url: str, count: int) -> float:
    import asyncpg
    from pgqueuer import AsyncpgDriver, PgQueuer, Queries
    from pgqueuer.domain.types import QueueExecutionMode

    connection = await asyncpg.connect(url)
    try:
        driver = AsyncpgDriver(connection)
        queries = Queries(driver)
        await queries.install()
        for start in range(0, count, 1000):
            size = min(1000, count - start)
            await queries.enqueue(["noop"] * size, [b"1"] * size, [0] * size)
        queue, done = PgQueuer(driver), 0

        @queue.entrypoint("noop")
        async def noop(_job: object) -> None:
            nonlocal done
            done += 1

        begun = time.perf_counter()
        await queue.run(dequeue_timeout=timedelta(seconds=1), batch_size=200, mode=QueueExecutionMode.drain)
        took = time.perf_counter() - begun
        assert done == count, done
        return took
    finally:
        await connection.close()


def procrastinate_drain(url: str, count: int) -> float:
    """Seconds in which Procrastinate, concurrency 10, runs every job; deferring is not timed."""
    return asyncio.run(_procrastinate(url, count))


async def _procrastinate(url: str, count: int) -> float:
    import procrastinate

    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    done = 0

    @app.task(name="noop")
    async def noop(n: int) -> None:
        nonlocal done
        done += 1

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await noop.batch_defer_async(*({"n": n} for n in range(count)))
        begun = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=10, install_signal_handlers=False)
        took = time.perf_counter() - begun
    assert done == count, done
    return took
