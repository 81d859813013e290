"""Pages of `ctx.each` against the tick's deadline, with a clock that only the test moves."""

from __future__ import annotations

from tickover import Context, Tickover
from tickover.testing import in_memory


def test_a_page_is_not_begun_when_fetching_one_usually_takes_longer_than_is_left() -> None:
    jobs = Tickover("sqlite://")
    fetched: list[int] = []

    def fetch(cursor: int) -> tuple[list[int], int | None]:
        fetched.append(cursor)
        kit.clock.advance(5)
        return [cursor], cursor + 1 if cursor < 2 else None

    @jobs.job
    def backfill(ctx: Context) -> int:
        pages = ctx.each("rows", fetch, start=0, state=0)
        for items in pages:
            pages.state += len(items)
        return pages.state

    with in_memory(jobs) as kit:
        job_id = backfill.enqueue()
        ticks: list[list[int]] = []
        while jobs.get(job_id).state == "pending" and len(ticks) < 5:
            jobs.tick(10)
            ticks.append(list(fetched))

        assert ticks == [[0], [0, 1], [0, 1, 2]]
        assert backfill.result(job_id) == 3
        job = jobs.get(job_id)
        assert (job.starts, job.yields, job.stalls) == (3, 2, 0)  # and no tick claims it twice
