"""Two hundred ticks at once on a database that has twenty connections: a burst of wakes through a pooler."""

from __future__ import annotations

import threading

import pytest

from tests.support.pooler import installed, pooler
from tests.support.raw import Raw
from tickover import Budget, NewJob, Pool, Settings, Tickover

pytestmark = pytest.mark.skipif(not installed(), reason="needs Debian's pgbouncer, which .ci/run installs")
TICKS, JOBS = 200, 600


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.timeout(240)
def test_two_hundred_ticks_share_twenty_connections_and_lose_nothing(migrated_url: str) -> None:
    reports, errors = [], []
    start = threading.Barrier(TICKS)
    with pooler(migrated_url, size=20) as url, Raw(migrated_url) as raw:

        def tick() -> None:
            with Tickover(url, pool=Pool.SERVERLESS, settings=Settings()) as jobs:

                @jobs.job
                def work(n: int) -> int:
                    return n

                start.wait(60)
                try:
                    reports.append(jobs.tick(Budget(60, max_jobs=20), concurrency=2))
                except Exception as error:  # noqa: BLE001  # whatever it is, it is told below
                    errors.append(error)

        with Tickover(migrated_url) as jobs:
            jobs.enqueue_many(NewJob("work", n, remote=True) for n in range(JOBS))
        threads = [threading.Thread(target=tick) for _ in range(TICKS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(200)

        assert errors == []
        assert len(reports) == TICKS
        assert sum(report.completed for report in reports) == JOBS
        assert raw.one("SELECT count(*) FROM jobs WHERE state = 'completed' AND starts = 1") == JOBS
        assert raw.one("SELECT count(*) FROM events WHERE type = 'JobCompleted'") == JOBS
