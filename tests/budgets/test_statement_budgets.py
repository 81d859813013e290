"""How many statements each thing costs: exact numbers, so that none is added by accident (4-data, rule 14)."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import psycopg
import pytest

from tickover import Budget, Settings, Tickover

LIGHT = """
import sys
from tickover import Tickover
with Tickover(sys.argv[1]) as jobs:
    report = jobs.tick(5)
assert report.statements == 2, report
heavy = {"sqlalchemy", "pydantic.main", "alembic", "typer", "rich", "croniter", "boto3", "fastapi", "mangum"}
print(sorted(heavy & set(sys.modules)))
"""

PEAK = """
import sys
from tickover import Budget, Tickover
with Tickover(sys.argv[1]) as jobs:
    @jobs.job
    def noop(n: int) -> None: ...
    report = jobs.tick(Budget(60))
# VmHWM, not ru_maxrss: that one keeps the peak of the process that forked us.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(report.completed, peak // 1024)
"""


@pytest.fixture
def jobs(migrated_url: str) -> Iterator[Tickover]:
    with Tickover(migrated_url, settings=Settings()) as made:
        yield made


def statements(jobs: Tickover) -> int:
    """Statements that this application's kept connection has sent so far."""
    with jobs._core.database.link() as link:
        return link.statements


def test_an_empty_tick_sends_two_statements(jobs: Tickover) -> None:
    jobs.tick(5)
    assert jobs.tick(5).statements == 2


def test_a_tick_with_one_job_recovers_claims_settles_looks_again_and_closes_its_row(jobs: Tickover) -> None:
    done: list[int] = []

    @jobs.job
    def work(n: int) -> None:
        done.append(n)

    work.enqueue(1)
    report = jobs.tick(5)

    assert done == [1]
    # SQLite has no data-modifying CTEs: a look, the claim in four, the settle in five, a look, the row in two.
    assert report.statements == (5 if jobs._core.database.dialect == "postgresql" else 13)


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.parametrize("count", [1, 10_000])
def test_an_enqueue_is_one_statement_whatever_the_number_of_jobs(jobs: Tickover, count: int) -> None:
    @jobs.job
    def work(n: int) -> None: ...

    work.enqueue(0)
    before = statements(jobs)
    assert len(jobs.enqueue_many(work.new(n) for n in range(count))) == count
    assert statements(jobs) == before + 1


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_thousand_short_jobs_cost_a_few_sets_and_not_a_thousand_statements(jobs: Tickover) -> None:
    @jobs.job
    def work(n: int) -> None: ...

    jobs.enqueue_many(work.new(n) for n in range(1000))
    report = jobs.tick(30)
    assert report.completed == 1000
    assert report.statements < 100


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_tick_uses_one_connection_whatever_its_concurrency(jobs: Tickover, migrated_url: str) -> None:
    everybody_runs = threading.Barrier(21, timeout=30)
    counted = threading.Event()
    found: list[str] = []

    @jobs.job
    def child() -> str:
        return "done"

    @jobs.job
    def parent(n: int) -> None:
        everybody_runs.wait()
        child_id = child.enqueue()
        found.append(jobs.get(child_id).state)
        everybody_runs.wait()
        assert counted.wait(30)

    jobs.enqueue_many(parent.new(n) for n in range(20))
    tick = threading.Thread(target=lambda: jobs.tick(Budget(60), concurrency=20))
    tick.start()
    everybody_runs.wait()
    everybody_runs.wait()
    with psycopg.connect(migrated_url, autocommit=True) as other:
        (connections,) = other.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone() or (None,)
    counted.set()
    tick.join(60)

    assert found == ["pending"] * 20
    assert connections == 1


def test_an_empty_tick_imports_neither_sqlalchemy_nor_any_extra(migrated_url: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LIGHT, migrated_url], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "[]"), ended.stderr


def test_a_tick_over_ten_thousand_pending_jobs_stays_below_120_mib(jobs: Tickover, migrated_url: str) -> None:
    @jobs.job
    def noop(n: int) -> None: ...

    jobs.enqueue_many(noop.new(n) for n in range(10_000))
    ended = subprocess.run(
        [sys.executable, "-c", PEAK, migrated_url], capture_output=True, text=True, timeout=110, check=False
    )
    assert ended.returncode == 0, ended.stderr
    completed, peak = map(int, ended.stdout.split())
    assert completed == 10_000
    assert peak < 120
