"""A long backfill in small jobs: each does one page and enqueues the next, so that no tick is too short for it."""

from __future__ import annotations

from tickover import Budget, Context, Tickover, TickReport

jobs = Tickover("sqlite://")
TOTAL = 2_500
done: list[int] = []


def page_after(last: int) -> tuple[list[int], int | None]:
    ids = list(range(last + 1, min(last + 1001, TOTAL + 1)))
    return ids, ids[-1] if ids and ids[-1] < TOTAL else None


@jobs.job(timeout=600, retries=10)
def backfill(ctx: Context, last: int = 0) -> int:
    ids, more = page_after(last)
    for at, one in enumerate(ids):
        if at % 500 == 0:
            ctx.check()
            ctx.progress(one / TOTAL, f"row {one}")
        done.append(one)
    if more is not None:
        backfill.using(unique=f"backfill-{more}").enqueue(more)
    return len(ids)


def ticks() -> list[TickReport]:
    reports = [jobs.tick(Budget(5, max_jobs=1), concurrency=1)]
    while reports[-1].more:
        reports.append(jobs.tick(Budget(5, max_jobs=1), concurrency=1))
    return reports


if __name__ == "__main__":
    with jobs:
        jobs.migrate()
        first = backfill.enqueue()
        assert [report.completed for report in ticks()] == [1, 1, 1]
        assert done == list(range(1, TOTAL + 1))
        assert backfill.result(first) == 1000
        progress = jobs.get(first).progress
        assert progress is not None
        assert progress[1].startswith("row ")
