"""Retention at full size: a million old jobs go in bounded batches, and claims hardly wait for them."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import time

import pytest

from tests.support.raw import Raw
from tests.support.world import claim
from tickover import NewJob, Tickover
from tickover.clock import SystemClock
from tickover.store.open import open_database
from tickover.store.pool import Pool
from tickover.store.sql_store import SqlStore

MILLION = 1_000_000
#: Old jobs whose ids begin with their time, each with its payload; one in ten failed, and stays.
FILL = """
WITH old AS (
    INSERT INTO jobs (id, kind, queue, state, run_at, created_at, started_at, finished_at, epoch, starts, completed, failures, max_retries, max_crashes)
    SELECT CAST(lpad(to_hex(CAST(floor(extract(epoch FROM at) * 1000) AS bigint)), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0')
            || '8' || lpad(to_hex(n), 15, '0') AS uuid),
        'work', 'old', CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'completed' END, at, at, at, at, 1, 1,
        CASE WHEN n % 10 = 0 THEN 0 ELSE 1 END, CASE WHEN n % 10 = 0 THEN 1 ELSE 0 END, 3, 3
    FROM (SELECT n, now() - interval '20 days' + n * interval '1 second' AS at FROM generate_series(1, :count) n) t
    RETURNING id
)
INSERT INTO job_data (job_id, args) SELECT id, '{"n": 1}' FROM old
"""


#: The reaper as another process has it, again and again.
REAPER = """
import sys
from tickover import Tickover
with Tickover(sys.argv[1]) as jobs:
    while sum(jobs.run_reaper(30).removed.values()):
        pass
"""


@pytest.mark.chaos_full
@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_million_old_jobs_go_while_claims_hardly_wait(migrated_url: str) -> None:
    with Raw(migrated_url) as raw, Tickover(migrated_url) as jobs:
        raw.rows(FILL, count=MILLION)
        raw.rows("VACUUM ANALYZE")
        jobs.enqueue_many(NewJob("work", n, remote=True) for n in range(20_000))
        database = open_database(migrated_url, pool=Pool(), clock=SystemClock())
        alone: list[float] = []
        beside: list[float] = []
        began = time.monotonic()
        with database.link() as link, subprocess.Popen([sys.executable, "-c", REAPER, migrated_url]) as reaper:
            store = SqlStore(link)
            # By turns, with the reaper frozen in every second one: whatever else this machine does, it does to both.
            while reaper.poll() is None and len(beside) < 10_000:
                beside += claims(store, 50)
                reaper.send_signal(signal.SIGSTOP)
                alone += claims(store, 50)
                reaper.send_signal(signal.SIGCONT)
            assert reaper.wait(600) == 0
        database.close()
        took = time.monotonic() - began
        for name, times in (("alone", alone), ("beside the reaper", beside)):
            print(
                f"\nclaims {name}: median {1000 * statistics.median(times):.2f} ms, 95th {1000 * ninetyfifth(times):.2f} ms, {len(times)}"
            )
        print(f"the reaper was done in {took:.0f} s, of which it was frozen for about a half")
        assert (
            raw.count("jobs", "queue = 'old' AND state = 'failed'")
            == raw.count("jobs", "queue = 'old'")
            == MILLION // 10
        )
        assert raw.count("job_data") == raw.count("jobs")
        assert statistics.median(beside) < 1.5 * statistics.median(alone)


def claims(store: SqlStore, count: int) -> list[float]:
    """Seconds of each claim of one job, a hundred a second at most, as ticks of a fleet come by."""
    took: list[float] = []
    for _ in range(count):
        began = time.monotonic()
        claim(store, 1)
        took.append(time.monotonic() - began)
        time.sleep(0.01)
    return took


def ninetyfifth(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]
