"""What workflows cost in statements: exact numbers, so that none is added by accident (4-data, rule 14)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tickover import Budget, CollectAll, Context, Settings, Tickover
from tickover.store.sql_store import SqlStore

#: A tick that claims one job and ends it: see test_statement_budgets.
ONE_JOB = {"postgresql": 5, "sqlite": 12}


@pytest.fixture
def jobs(migrated_url: str) -> Iterator[Tickover]:
    """With a beat that never comes: it would be one statement more, when the machine is slow."""
    with Tickover(migrated_url, settings=Settings(lease=600)) as made:
        yield made


def ticked(jobs: Tickover, **options: int) -> int:
    """Statements of one tick."""
    return jobs.tick(Budget(90, **options)).statements


def walk(ctx: Context, steps: int) -> None:
    for number in range(steps):
        ctx.step("work", abs, number)


def test_a_fresh_step_is_one_statement_on_postgresql(jobs: Tickover, dialect: str) -> None:
    @jobs.job
    def steps(ctx: Context, count: int) -> None:
        walk(ctx, count)

    spent = []
    for count in (1, 1, 11):  # the first of a process asks how long such steps take, and keeps the answer
        steps.enqueue(count)
        spent.append(ticked(jobs))

    # SQLite has no data-modifying CTEs: a record is five; and there the durations of steps are one more at the end.
    each, once = {"postgresql": (1, 0), "sqlite": (5, 1)}[dialect]
    assert spent[1:] == [ONE_JOB[dialect] + once + each, ONE_JOB[dialect] + once + 11 * each]
    assert spent[0] - spent[1] == 2


def crashed(store: SqlStore, times: int) -> None:
    """What is pending has crashed so often in a row."""
    store.link.query(f"UPDATE jobs SET crash_run = {times} WHERE state = 'pending' RETURNING id", {})


def test_only_a_suspect_pays_for_saying_which_step_it_begins(jobs: Tickover, dialect: str) -> None:
    @jobs.job
    def steps(ctx: Context, count: int) -> None:
        walk(ctx, count)

    steps.enqueue(11)
    ticked(jobs)
    spent = []
    for crashes in (0, 2):
        steps.enqueue(11)
        jobs._core.do(partial(crashed, times=crashes))
        spent.append(ticked(jobs))

    assert spent[1] - spent[0] == 1


def test_a_replay_of_a_thousand_recorded_steps_is_one_read(jobs: Tickover, dialect: str) -> None:
    @jobs.job
    def steps(ctx: Context, count: int) -> None:
        walk(ctx, count)
        ctx.wait_for_signal("go", returns=int)

    spent = {}
    for count in (1, 1000):
        job = steps.enqueue(count)
        ticked(jobs)
        jobs.signal(job, "go", 1)
        spent[count] = ticked(jobs)
        assert jobs.get(job).state == "completed"

    # Recovered, claimed, read, taken (held, consumed, recorded), settled, looked ahead, closed.
    assert spent[1000] == spent[1] == {"postgresql": 10, "sqlite": 22}[dialect]


@pytest.mark.parametrize("children", [1, 1000])
def test_a_fan_out_costs_the_same_whatever_the_number_of_its_children(
    jobs: Tickover, dialect: str, children: int
) -> None:
    @jobs.job
    def child(n: int) -> int:
        return n

    @jobs.job
    def parent(ctx: Context) -> int:
        return len(ctx.fan_out([child.new(n) for n in range(children)], CollectAll()))

    parent.enqueue()
    # Held, recorded, opened, enqueued.
    assert ticked(jobs, max_jobs=1) - ONE_JOB[dialect] == {"postgresql": 4, "sqlite": 11}[dialect]


def test_a_park_and_its_wake(jobs: Tickover, dialect: str) -> None:
    @jobs.job
    def listener(ctx: Context) -> int:
        return ctx.wait_for_signal("go", returns=int)

    job = listener.enqueue()
    assert ticked(jobs) - ONE_JOB[dialect] == {"postgresql": 5, "sqlite": 6}[dialect]
    with jobs._core.database.link() as link:
        before = link.statements
    jobs.signal(job, "go", 1)
    with jobs._core.database.link() as link:
        assert link.statements - before == {"postgresql": 3, "sqlite": 6}[dialect]
