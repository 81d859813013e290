"""Handlers of all four shapes stay plain functions underneath, with their own types, for unit tests."""

from __future__ import annotations

import asyncio

from tickover import AsyncContext, Context, Handler, NewJob, Tickover

jobs = Tickover("sqlite://")


@jobs.job
def add(a: int, b: int = 1) -> int:
    return a + b


@jobs.job()
async def fetch(url: str) -> bytes:
    return url.encode()


@jobs.job("with-context")
def with_context(ctx: Context, n: int) -> str:
    return f"{ctx.job_id}: {n}"


@jobs.job("with-async-context", queue="async")
async def with_async_context(ctx: AsyncContext, n: int) -> str:
    await ctx.check()
    return f"{ctx.job_id}: {n}"


@jobs.job(remote=True)
def elsewhere(path: str) -> list[str]:
    raise NotImplementedError  # other code has the body; mypy takes no "..." for a function that returns something


handlers: list[Handler[..., object]] = [add, fetch, with_context, with_async_context, elsewhere]
new: list[NewJob[object]] = [add.new(1), fetch.new("u"), with_context.new(2), with_async_context.new(n=3)]


def types() -> tuple[int, bytes, list[str]]:
    return add.result("…"), fetch.result("…"), elsewhere.result("…")


if __name__ == "__main__":
    total: int = add.fn(2, b=3)
    body: bytes = asyncio.run(fetch.fn("u"))
    assert (total, body) == (5, b"u")
    assert [handler.name for handler in handlers][3:] == ["with-async-context", "elsewhere"]
    with jobs:
        jobs.migrate()
        ids = jobs.enqueue_many(new)
        jobs.drain(10)
        shown = with_context.result(ids[2])
        assert shown == f"{ids[2]}: 2"
