"""Hooks, middleware, events; a job's context, sync and async; a retry that is told when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tickover import AsyncContext, Budget, Context, Job, NoRetry, RetryAfter, Tickover, TickReport, events

jobs = Tickover("sqlite://")


@jobs.job(retries=20)
def sync_account(ctx: Context, account: str) -> int:
    if not account:
        raise NoRetry("no such account")
    if ctx.attempt == 1:
        raise RetryAfter(timedelta(milliseconds=20), "rate limited")
    ctx.progress(0.5, "half")
    ctx.check()
    ctx.log.info("key %s, %.1f s left", ctx.key("charge"), ctx.remaining)
    return len(account)


@jobs.job
async def crawl(ctx: AsyncContext, url: str) -> dict[str, str]:
    await ctx.check()
    return {"url": url, "job": AsyncContext.current().job_id}


@jobs.on_job_fail
def alert(job: Job, error: Exception) -> None:
    print(job.short_id, error)


@jobs.middleware
def bind(ctx: Context | AsyncContext) -> Iterator[None]:
    ctx.log.info("start %s", ctx.job_id)
    yield


def follow() -> list[float]:
    took: list[float] = []
    for event in jobs.events(after=0):
        match event:
            case events.JobCompleted(duration=float() as seconds):
                took.append(seconds)
            case events.JobFailed(error=text):
                print(text)
            case _:
                pass
    return took


if __name__ == "__main__":
    with jobs:
        jobs.migrate()
        account, page = sync_account.enqueue("acme"), crawl.enqueue("https://example.com")
        jobs.tick(Budget(5, max_jobs=10), queues={"default": 4})
        report: TickReport = jobs.drain(10)
        assert report.failed == 0
        assert sync_account.result(account) == 4
        assert crawl.result(page)["job"] == page
        assert len(follow()) == 2
