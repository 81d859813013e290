"""Tickover, with its defaults: fences, history and events on."""

from __future__ import annotations

import time

from tickover import Budget, Context, Tickover
from tickover.app.handler import Handler

STEPS = 5


def app(url: str) -> Tickover:
    """An application with one no-op handler."""
    jobs = Tickover(url)

    @jobs.job
    def noop(n: int) -> None: ...

    @jobs.job
    def flow(ctx: Context, n: int) -> int:
        for step in range(STEPS):
            ctx.step("noop", int, step)
        return n

    return jobs


def _noop(jobs: Tickover) -> Handler[[int], None]:
    return Handler(jobs._core, jobs._core.registry.find("noop"))


def enqueue(url: str, count: int) -> float:
    """Seconds to write that many jobs with `enqueue_many`."""
    with app(url) as jobs:
        jobs.stats()  # the connection is there before the watch starts, as in the other contestants
        noop = _noop(jobs)
        start = time.perf_counter()
        jobs.enqueue_many(noop.new(n) for n in range(count))
        return time.perf_counter() - start


def enqueue_one(url: str, count: int) -> float:
    """Seconds to write that many jobs one after the other."""
    with app(url) as jobs:
        jobs.stats()
        noop = _noop(jobs)
        start = time.perf_counter()
        for n in range(count):
            noop.enqueue(n)
        return time.perf_counter() - start


def drain(url: str, count: int) -> float:
    """Seconds of one tick that runs every job that it gets, and at most so many."""
    with app(url) as jobs:
        jobs.stats()
        start = time.perf_counter()
        report = jobs.tick(Budget(120, max_jobs=count))
        took = time.perf_counter() - start
    assert (report.failed, report.lost) == (0, 0), report
    return took


def workflows(url: str, count: int, at_once: int) -> float:
    """Seconds of one tick that runs that many workflows of five steps, so many at once."""
    with app(url) as jobs:
        flow = Handler(jobs._core, jobs._core.registry.find("flow"))
        jobs.enqueue_many(flow.new(n) for n in range(count))
        start = time.perf_counter()
        report = jobs.tick(Budget(300), concurrency=at_once)
        took = time.perf_counter() - start
    assert (report.completed, report.failed, report.lost) == (count, 0, 0), report
    return took


def statements(url: str) -> int:
    """Statements that one tick sends for all that is there."""
    with app(url) as jobs:
        return jobs.tick(Budget(120)).statements


def claim_seconds(url: str) -> float:
    """Seconds of one claim of 10 jobs, the best of 20."""
    from tickover.domain.ids import TickId, new_id
    from tickover.store.port import TickHead, Wanted
    from tickover.store.sql_store import SqlStore

    wanted = Wanted(size=10, free=10, alone=True, queues=None, age=0, left=60, window_left=60, lease=60)
    best = []
    with app(url) as jobs, jobs._core.database.link() as link:
        store = SqlStore(link)
        for _ in range(20):
            start = time.perf_counter()
            assert len(store.claim(TickHead(tick_id=TickId(new_id()), trigger="bench"), wanted).jobs) == 10
            best.append(time.perf_counter() - start)
    return min(best)
