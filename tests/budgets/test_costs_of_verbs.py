"""What single verbs cost, and what an idle system costs: nothing that is written."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.gate import Gate, Ticking, until
from tests.support.raw import Raw
from tickover import DuplicateJob, Settings, Tickover

ENQUEUE = """
import sys
from tickover import Tickover
with Tickover(sys.argv[1]) as jobs:
    @jobs.job
    def work(number: int, name: str = "x") -> None: ...
    work.using(unique="k", idempotency_key="w").enqueue(1)
    jobs.enqueue_many(work.new(n) for n in range(10))
    report = jobs.tick(5)
assert report.completed == 11, report
heavy = {"sqlalchemy", "pydantic.main", "alembic", "typer", "rich", "croniter", "boto3", "fastapi", "mangum"}
print(sorted(heavy & set(sys.modules)))
"""


@pytest.fixture
def jobs(migrated_url: str) -> Iterator[Tickover]:
    with Tickover(migrated_url, settings=Settings(lease=0.9)) as made:
        yield made


def cost(jobs: Tickover, work: Callable[[], Any]) -> int:
    """Statements that `work` sends on the application's kept connection."""
    with jobs._core.database.link() as link:
        before = link.statements
    work()
    with jobs._core.database.link() as link:
        return link.statements - before


@pytest.mark.parametrize("dialect", ["postgresql"])
class TestOnPostgreSQL:
    def test_each_verb_of_an_operator_is_one_statement(self, jobs: Tickover) -> None:
        job_id = jobs.enqueue("k", remote=True)

        for verb, argument in (
            (jobs.pause_job, job_id), (jobs.resume_job, job_id), (jobs.cancel, job_id), (jobs.retry, job_id),
            (jobs.pause_queue, "q"), (jobs.resume_queue, "q"), (jobs.pause_ticks, "graceful"),
        ):  # fmt: skip
            assert cost(jobs, lambda verb=verb, argument=argument: verb(argument)) == 1, verb  # type: ignore[misc]  # bound to this round
        assert cost(jobs, jobs.resume_ticks) == 1
        assert cost(jobs, lambda: jobs.purge(state="completed", queue="q")) == 1

    def test_a_look_is_a_few(self, jobs: Tickover) -> None:
        job_id = jobs.enqueue("k", remote=True)

        assert cost(jobs, lambda: jobs.get(job_id)) == 3, "the row, its children, its steps"
        assert cost(jobs, jobs.find) == 1

    def test_a_free_unique_key_costs_nothing_and_a_held_one_asks_who_holds_it(self, jobs: Tickover) -> None:
        def add() -> None:
            jobs.enqueue("k", remote=True, unique="u")

        def refused() -> None:
            with pytest.raises(DuplicateJob):
                add()

        assert cost(jobs, add) == 1
        assert cost(jobs, refused) == 2

    def test_an_idempotency_window_costs_two_more(self, jobs: Tickover) -> None:
        assert cost(jobs, lambda: jobs.enqueue("k", remote=True, idempotency_key="w")) == 3
        assert cost(jobs, lambda: jobs.enqueue("k", remote=True, idempotency_key="w")) == 2

    def test_the_leases_of_twenty_jobs_are_renewed_with_one_statement_each_beat(self, jobs: Tickover) -> None:
        gate, running = Gate(), threading.Barrier(21, timeout=30)

        @jobs.job
        def slow(n: int) -> None:
            running.wait()
            gate.pass_through()

        jobs.enqueue_many(slow.new(n) for n in range(20))
        ticking = Ticking(jobs, 60, concurrency=20)
        running.wait()
        with Raw(_url(jobs)) as raw:
            renewed = "SELECT count(DISTINCT lease_until) FROM jobs WHERE state = 'running' AND lease_until > started_at + interval '1.3 seconds'"
            until(lambda: bool(raw.one(renewed)))
        gate.set()
        report = ticking.report()

        assert report.completed == 20
        assert report.statements < 4 + 20 + 2 * report.seconds / 0.3, "one claim, at most a settle each, and the beats"

    def test_ten_thousand_short_jobs_cost_less_than_a_statement_in_fifty(self, jobs: Tickover) -> None:
        @jobs.job
        def work(n: int) -> None: ...

        jobs.enqueue_many(work.new(n) for n in range(10_000))
        report = jobs.tick(60)

        assert report.completed == 10_000
        assert report.statements < 200

    def test_an_idle_system_takes_no_transaction_id_and_no_second_connection(self, jobs: Tickover) -> None:
        with Raw(_url(jobs)) as raw:
            jobs.tick(5)
            next_id = "SELECT CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text)"
            backends = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            before, connected = raw.one(next_id), raw.rows(backends)

            for _ in range(10):
                assert jobs.tick(5).statements == 2
                jobs.run_reaper(5)

            assert raw.rows(backends) == connected
            assert len(connected) == 1
            assert raw.one(next_id) == before


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_an_idle_system_on_sqlite_does_not_write_to_the_file(jobs: Tickover) -> None:
    with Raw(_url(jobs)) as raw:
        jobs.tick(5)
        before = raw.one("PRAGMA data_version")

        for _ in range(10):
            assert jobs.tick(5).statements == 2
            jobs.run_reaper(5)

        assert raw.one("PRAGMA data_version") == before


def test_enqueuing_and_running_plain_jobs_imports_neither_sqlalchemy_nor_pydantic(migrated_url: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENQUEUE, migrated_url], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "[]"), ended.stderr


def test_a_refused_verb_asks_once_more_why(jobs: Tickover) -> None:
    job_id = jobs.enqueue("k", remote=True)
    jobs.cancel(job_id)
    told = sum(1 for _ in jobs.events())

    assert cost(jobs, lambda: jobs.cancel(job_id)) == 2
    assert sum(1 for _ in jobs.events()) == told


def _url(jobs: Tickover) -> str:
    target: str = jobs._core.database.target  # type: ignore[attr-defined]  # ours: made from a URL
    return target if target.startswith("postgresql") else f"sqlite:///{target}"
