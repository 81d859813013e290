"""A backfill over many ticks, sync and async: cursor and state are kept from page to page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, create_engine, text

from tickover import AsyncContext, Budget, Context, Tickover, TickReport

FOLDER = TemporaryDirectory()
URL = f"sqlite:///{Path(FOLDER.name) / 'jobs.db'}"
jobs = Tickover(URL)
TOTAL = 2_500


def page_after(last: int) -> tuple[Sequence[int], int | None]:
    ids = range(last + 1, min(last + 1001, TOTAL + 1))
    return ids, ids[-1] if ids and ids[-1] < TOTAL else None


async def page_later(last: int) -> tuple[Sequence[int], int | None]:
    return page_after(last)


def apply(connection: Connection, first: int, last: int) -> int:
    statement = text("UPDATE users SET visits = visits + 1 WHERE id BETWEEN :first AND :last")
    return connection.execute(statement, {"first": first, "last": last}).rowcount


@jobs.job(retries=10)
def backfill(ctx: Context) -> int:
    pages = ctx.each("users", page_after, start=0, state=0)
    for ids in pages:
        pages.state += ctx.transaction("apply", apply, ids[0], last=ids[-1])
        ctx.progress(pages.state / TOTAL, f"row {ids[-1]}")
    return pages.state


@jobs.job
async def backfill_async(ctx: AsyncContext) -> int:
    pages = ctx.each("users", page_later, start=0, state=0)
    async for ids in pages:
        pages.state += await ctx.transaction("apply", apply, ids[0], ids[-1])
    return pages.state


def ticks() -> list[TickReport]:
    reports = [jobs.tick(Budget(20, max_jobs=1), concurrency=1)]
    while reports[-1].more:
        reports.append(jobs.tick(Budget(20, max_jobs=1), concurrency=1))
    return reports


if __name__ == "__main__":
    with FOLDER, jobs:
        jobs.migrate()
        engine = create_engine(URL)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE users (id integer PRIMARY KEY, visits integer NOT NULL DEFAULT 0)"))
            connection.execute(text("INSERT INTO users (id) VALUES (:id)"), [{"id": n + 1} for n in range(TOTAL)])
        first, second = backfill.enqueue(), backfill_async.enqueue()
        assert sum(report.completed for report in ticks()) == 2
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM users WHERE visits = 2")) == TOTAL
        engine.dispose()
        assert (backfill.result(first), backfill_async.result(second)) == (TOTAL, TOTAL)
        progress = jobs.get(first).progress
        assert progress is not None
        assert progress[1] == "row 2500"
