"""How long each page of the dashboard takes when very many jobs have finished: `python benchmarks/dashboard.py [jobs] [url …]`.

The jobs are written by SQL, as ticks would have left them: with payloads, events, roll-ups, dead letters and workflows. Then each page
is asked for in process, warm, and the median and the slowest of 15 answers are printed. Default: a million, on SQLite in a file.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tickover import Context, Tickover
from tickover.web import insecure_local
from tickover_ui import create_dashboard

ROUNDS = 15
SQLITE = """
PRAGMA synchronous = OFF;
CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :jobs - 1) SELECT i,
    CAST(:now - 86400000.0 * (:jobs - i) / :jobs AS INTEGER) AS at FROM n;
CREATE TEMP TABLE j AS SELECT i, at, printf('%08x-%04x-7%03x-8000-%012x', at >> 16, at & 65535, (i & 4095), i) AS id,
    CASE i % 6 WHEN 0 THEN 'billing' WHEN 1 THEN 'emails' WHEN 2 THEN 'webhooks' ELSE 'orders' END AS queue,
    CASE WHEN i % 100 = 99 THEN 'failed' ELSE 'completed' END AS state,
    printf('%08x-%04x-7000-9000-%012x', at >> 16, at & 65535, i / 25) AS tick FROM n;
CREATE TEMP TABLE t AS SELECT min(at) AS at, min(tick) AS id, i / 25 AS k, count(*) AS c FROM j GROUP BY i / 25;
INSERT INTO jobs (id, kind, queue, state, run_at, created_at, started_at, finished_at, epoch, holder, starts, completed, failures,
    max_retries, max_crashes, steps, generation)
SELECT j.id, 'kind-' || (i % 9), queue, state, j.at, j.at, j.at + 500, j.at + 1500, 1, t.id, 1, state = 'completed', state = 'failed', 3, 3, 0, 0
FROM j JOIN t ON t.k = j.i / 25;
INSERT INTO job_data (job_id, args, error, error_kind) SELECT id, '{"order":' || i || ',"region":"eu"}',
    CASE state WHEN 'failed' THEN 'no reply in ' || i || ' s' END, CASE state WHEN 'failed' THEN 'Timeout' END FROM j;
INSERT INTO ticks (id, trigger, cold, started_at, deadline_at, ended_at, stopped_because, claimed, completed)
SELECT id, CASE k % 3 WHEN 0 THEN 'timer' WHEN 1 THEN 'chain' ELSE 'sqs' END, k % 20 = 0, at, at + 60000, at + 20000, 'empty', c, c FROM t;
INSERT INTO tick_stats (tick_id, minute, queue, completed, failed, run_ms, wait_ms)
SELECT t.id, t.at - t.at % 60000, j.queue, sum(j.state = 'completed'), sum(j.state = 'failed'), 1000 * count(*), 500 * count(*)
FROM j JOIN t ON t.k = j.i / 25 GROUP BY t.id, t.at, j.queue;
INSERT INTO events (job_id, n, at, type, attempt, kind, queue, tick_id, data)
SELECT j.id, 1, j.at + 500, 'JobStarted', 1, 'kind', j.queue, t.id, NULL FROM j JOIN t ON t.k = j.i / 25;
INSERT INTO events (job_id, n, at, type, attempt, kind, queue, tick_id, data)
SELECT j.id, 2, j.at + 1500, 'JobCompleted', 1, 'kind', j.queue, t.id, '{"duration":1.0}' FROM j JOIN t ON t.k = j.i / 25;
ANALYZE;
"""
POSTGRESQL = """
CREATE TEMP TABLE j AS SELECT i, at, (lpad(to_hex(ms >> 16), 8, '0') || '-' || lpad(to_hex(ms & 65535), 4, '0') || '-7' || lpad(to_hex((i & 4095)), 3, '0')
    || '-8000-' || lpad(to_hex(i), 12, '0'))::uuid AS id, (lpad(to_hex(ms >> 16), 8, '0') || '-' || lpad(to_hex(ms & 65535), 4, '0') || '-7000-9000-'
    || lpad(to_hex(i / 25), 12, '0'))::uuid AS tick, CASE mod(i, 6) WHEN 0 THEN 'billing' WHEN 1 THEN 'emails' WHEN 2 THEN 'webhooks' ELSE 'orders' END AS queue,
    CASE WHEN mod(i, 100) = 99 THEN 'failed' ELSE 'completed' END AS state
FROM (SELECT i::bigint, now() - interval '1 day' * ((:jobs - i)::float / :jobs) AS at,
    (extract(epoch FROM now() - interval '1 day' * ((:jobs - i)::float / :jobs)) * 1000)::bigint AS ms FROM generate_series(0, :jobs - 1) i) n;
CREATE TEMP TABLE t AS SELECT min(at) AS at, min(tick::text)::uuid AS id, i / 25 AS k, count(*)::int AS c FROM j GROUP BY i / 25;
INSERT INTO jobs (id, kind, queue, state, run_at, created_at, started_at, finished_at, epoch, holder, starts, completed, failures,
    max_retries, max_crashes, steps, generation)
SELECT j.id, 'kind-' || (mod(i, 9)), queue, state, j.at, j.at, j.at + interval '0.5 s', j.at + interval '1.5 s', 1, t.id, 1, (state = 'completed')::int,
    (state = 'failed')::int, 3, 3, 0, 0 FROM j JOIN t ON t.k = j.i / 25;
INSERT INTO job_data (job_id, args, error, error_kind) SELECT id, '{"order":' || i || ',"region":"eu"}',
    CASE state WHEN 'failed' THEN 'no reply in ' || i || ' s' END, CASE state WHEN 'failed' THEN 'Timeout' END FROM j;
INSERT INTO ticks (id, trigger, cold, started_at, deadline_at, ended_at, stopped_because, claimed, completed)
SELECT id, CASE mod(k, 3) WHEN 0 THEN 'timer' WHEN 1 THEN 'chain' ELSE 'sqs' END, (mod(k, 20) = 0)::int, at, at + interval '60 s', at + interval '20 s', 'empty', c, c FROM t;
INSERT INTO tick_stats (tick_id, minute, queue, completed, failed, run_ms, wait_ms)
SELECT t.id, date_trunc('minute', t.at), j.queue, sum((j.state = 'completed')::int), sum((j.state = 'failed')::int), 1000 * count(*), 500 * count(*)
FROM j JOIN t ON t.k = j.i / 25 GROUP BY t.id, t.at, j.queue;
INSERT INTO events (job_id, n, at, type, attempt, kind, queue, tick_id, data)
SELECT j.id, 1, j.at + interval '0.5 s', 'JobStarted', 1, 'kind', j.queue, t.id, NULL FROM j JOIN t ON t.k = j.i / 25 ORDER BY j.i;
INSERT INTO events (job_id, n, at, type, attempt, kind, queue, tick_id, data)
SELECT j.id, 2, j.at + interval '1.5 s', 'JobCompleted', 1, 'kind', j.queue, t.id, '{"duration":1.0}' FROM j JOIN t ON t.k = j.i / 25 ORDER BY j.i;
VACUUM ANALYZE;
"""


def fill(jobs: Tickover, count: int) -> None:
    """Writes the jobs."""
    from tickover.clock import SystemClock, millis

    core = jobs._core
    with core.database.link() as link:
        script, now = (SQLITE if link.dialect == "sqlite" else POSTGRESQL), millis(SystemClock().now())
        for statement in script.replace(":jobs", str(count)).replace(":now", str(now)).split(";\n"):
            if statement.strip():
                link.query(statement, {})


def workflow(jobs: Tickover) -> str:
    """A parent of 1,000 children, half of which have run, and 5,000 jobs that wait for their time."""

    @jobs.job
    def child(n: int) -> int:
        return n

    @jobs.job
    def parent(ctx: Context) -> int:
        return len(ctx.fan_out([child.new(n) for n in range(1000)]))

    job_id = parent.enqueue()
    jobs.tick(10)
    jobs.tick(20)
    jobs.enqueue_many([child.using(delay=3600 + n).new(n) for n in range(5000)])
    return job_id


async def measure(jobs: Tickover, parent: str) -> dict[str, tuple[float, float, float, float, int]]:
    """(first, median, slowest, of our own processor) milliseconds and bytes of each page."""
    job = jobs.find(state="completed", limit=1)[0].id
    pages = [
        "/", "/ticks", "/ticks?span=180", "/leases", "/jobs", "/jobs?state=failed", "/jobs?kind=kind-3&queue=orders", "/jobs?state=completed",
        f"/jobs/{job}", "/workflows", f"/workflows/{parent}", "/dead", "/queues", "/schedules", "/ui/pulse",
    ]  # fmt: skip
    app = create_dashboard(jobs, auth=insecure_local())
    found = {}
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        for page in pages:
            took, size, busy = [], 0, 0.0
            for number in range(ROUNDS + 2):
                begun, used = time.perf_counter(), time.process_time()
                answer = await client.get(page)
                took.append(1000 * (time.perf_counter() - begun))
                busy += 1000 * (time.process_time() - used) * (number > 1)
                assert answer.status_code == 200, (page, answer.status_code)
                size = len(answer.content)
            found[page.replace(job, "ID").replace(parent, "ID")] = (
                took[0],
                statistics.median(took[2:]),
                max(took[2:]),
                busy / ROUNDS,
                size,
            )
    return found


def main() -> None:
    """Fills, measures, prints."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        for url in sys.argv[2:] or [f"sqlite:///{Path(folder) / 'jobs.db'}"]:
            with Tickover(url) as jobs:
                jobs.migrate()
                begun = time.perf_counter()
                fill(jobs, count)
                print(
                    f"\n{url.split(':', maxsplit=1)[0]}: {count:,} jobs written in {time.perf_counter() - begun:.0f} s",
                    flush=True,
                )
                for page, (first, median, slowest, busy, size) in asyncio.run(measure(jobs, workflow(jobs))).items():
                    said = f"{first:7.1f} ms first {median:7.1f} median {slowest:7.1f} slowest {busy:7.1f} processor"
                    print(f"{page:34} {said} {size / 1000:7.1f} kB", flush=True)


if __name__ == "__main__":
    main()
