"""`tickover.testing.in_memory`: what it swaps, and that it puts everything back."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.testing_kit.conftest import Loud
from tickover import Context, Tickover, errors
from tickover.clock import SystemClock
from tickover.testing import Kit, in_memory

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


def test_the_block_has_an_empty_database_of_its_own(jobs: Tickover, tmp_path: Path) -> None:
    @jobs.job
    def note() -> None: ...

    jobs.migrate()
    kept = note.enqueue()
    with in_memory(jobs) as kit:
        assert jobs.find() == []
        note.enqueue()
        assert kit.drain().completed == 1
    assert [job.id for job in jobs.find()] == [kept]
    with in_memory(jobs):
        assert jobs.find() == []


def test_no_file_is_opened(jobs: Tickover, kit: Kit, tmp_path: Path) -> None:
    kit.drain()
    assert list(tmp_path.iterdir()) == []


def test_everything_is_put_back_whatever_the_block_does(jobs: Tickover, waker: Loud) -> None:
    core = jobs._core
    before = (core.database, core.clock, core.waker, core.ticked)
    with suppress(ZeroDivisionError), in_memory(jobs):
        assert (core.database, core.clock, core.waker) != before[:3]
        jobs.tick(1)
        raise ZeroDivisionError
    assert (core.database, core.clock, core.waker, core.ticked) == before


def test_no_wake_leaves_the_block(jobs: Tickover, kit: Kit, waker: Loud) -> None:
    jobs.enqueue("elsewhere", remote=True)
    jobs.wake()
    assert waker.wakes == []


def test_blocks_may_be_nested(jobs: Tickover, kit: Kit) -> None:
    outside = jobs.enqueue("elsewhere", remote=True)
    with in_memory(jobs):
        assert jobs.find() == []
    assert [job.id for job in jobs.find()] == [outside]


def test_the_data_outlive_a_close_of_the_application(jobs: Tickover, kit: Kit) -> None:
    with jobs:
        job_id = jobs.enqueue("elsewhere", remote=True)
    assert jobs.get(job_id).state == "pending"


def test_an_application_on_postgresql_needs_no_server() -> None:
    jobs = Tickover("postgresql://nobody@127.0.0.1:1/nowhere")

    @jobs.job
    def add(a: int, b: int) -> int:
        return a + b

    with in_memory(jobs) as kit:
        assert kit.run(add, 1, 2) == 3


def test_the_clock_stands_where_it_is_told(jobs: Tickover) -> None:
    with in_memory(jobs, now=NOON) as kit:
        job_id = jobs.enqueue("elsewhere", remote=True)
        assert (kit.clock.now(), jobs.get(job_id).created_at) == (NOON, NOON)
        kit.clock.advance(timedelta(hours=1))
        assert jobs.get(jobs.enqueue("elsewhere", remote=True)).created_at == NOON + timedelta(hours=1)


def test_without_now_it_stands_at_the_real_time(jobs: Tickover) -> None:
    before = SystemClock().now()
    with in_memory(jobs) as kit:
        assert before - timedelta(milliseconds=1) <= kit.clock.now() == kit.clock.now() <= SystemClock().now()


def test_a_naive_now_is_refused(jobs: Tickover) -> None:
    with pytest.raises(errors.InvalidArgument, match="aware datetime"), in_memory(jobs, now=NOON.replace(tzinfo=None)):
        pass


def test_a_clock_never_goes_back(kit: Kit) -> None:
    with pytest.raises(errors.InvalidArgument, match="forward only"):
        kit.clock.advance(days=1, hours=-25)


def test_a_block_inside_a_job_is_refused(jobs: Tickover, kit: Kit) -> None:
    @jobs.job(retries=0)
    def inside() -> None:
        with in_memory(jobs):
            pass

    with pytest.raises(errors.JobFailedError, match="inside a job"):
        kit.run(inside)


def test_threads_may_enqueue_at_once(jobs: Tickover, kit: Kit) -> None:
    def write() -> None:
        for _ in range(50):
            jobs.enqueue("elsewhere", remote=True)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kit.enqueued()) == 200


def test_facade_calls_inside_a_job_see_the_same_database(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def child(n: int) -> int:
        return n

    @jobs.job
    def parent(ctx: Context) -> str:
        return child.enqueue(jobs.get(ctx.job_id).starts)

    assert child.result(kit.run(parent), wait=0) == 1
