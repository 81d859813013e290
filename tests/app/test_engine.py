"""The user's own Engine as the database: its pool is used, and its connections go back as they were."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from tests.app.doors import sync_engine
from tests.support.raw import Raw
from tickover import Handler, Tickover, faults
from tickover.errors import ConfigurationError, DuplicateJob, StorageUnavailable


def plain_engine(url: str, **options: Any) -> Engine:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"), **options)


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    """An Engine with exactly one connection: whoever does not give it back stops the test."""
    made = plain_engine(migrated_url, pool_size=1, max_overflow=0, pool_timeout=5)
    yield made
    made.dispose()


@pytest.fixture
def jobs(engine: Engine) -> Iterator[Tickover]:
    with Tickover(engine) as made:
        yield made


def test_everything_works_on_one_borrowed_connection(
    jobs: Tickover, double: Handler[[int], int], engine: Engine
) -> None:
    ids = [double.enqueue(1), *jobs.enqueue_many([double.new(2), double.using(unique="k").new(3)])]
    with pytest.raises(DuplicateJob):
        double.using(unique="k").enqueue(4)
    report = jobs.drain(20)

    assert report.completed == 3
    assert [double.result(job_id) for job_id in ids] == [2, 4, 6]
    assert len(jobs.find()) == 3
    with engine.connect() as connection:  # it is back in the pool
        assert connection.execute(text("SELECT count(*) FROM jobs")).scalar_one() == 3


def test_a_tick_inside_which_jobs_enqueue_needs_no_second_connection(
    jobs: Tickover, double: Handler[[int], int]
) -> None:
    @jobs.job
    def parent(n: int) -> str:
        return double.enqueue(n)

    job_id = parent.enqueue(4)
    jobs.drain(20)

    assert double.result(parent.result(job_id)) == 8


def test_tables_are_made_on_the_users_engine(database_url: str) -> None:
    engine = plain_engine(database_url)
    with Tickover(engine) as jobs:
        jobs.migrate()
        jobs.migrate()

        assert jobs.find() == []
    engine.dispose()


def test_an_in_memory_engine_is_one_database_for_all_threads() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    jobs = Tickover(engine)
    jobs.migrate()

    @jobs.job
    def add(a: int, b: int) -> int:
        return a + b

    job_id = add.enqueue(1, 2)
    jobs.drain(20)

    assert add.result(job_id) == 3
    engine.dispose()


def test_close_leaves_the_users_engine_open(jobs: Tickover, double: Handler[[int], int], engine: Engine) -> None:
    double.enqueue(1)
    jobs.close()

    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM jobs")).scalar_one() == 1


def mode(engine: Engine) -> Any:
    connection = engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        return getattr(driver, "isolation_level", None), getattr(driver, "autocommit", None)
    finally:
        connection.close()


@pytest.mark.parametrize("set_up", [{}, {"isolation_level": "AUTOCOMMIT"}])
def test_a_connection_goes_back_in_the_mode_in_which_it_came(
    migrated_url: str, raw: Raw, set_up: dict[str, Any]
) -> None:
    engine = plain_engine(migrated_url, pool_size=1, max_overflow=0, **set_up)
    jobs = Tickover(engine)
    before = mode(engine)
    jobs.enqueue("elsewhere", remote=True, unique="k")
    with pytest.raises(DuplicateJob):
        jobs.enqueue("elsewhere", remote=True, unique="k")

    assert mode(engine) == before
    raw.rows("CREATE TABLE orders (id integer)")
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO orders VALUES (1)"))
    assert raw.count("orders") == (1 if set_up else 0)  # committed by itself, or rolled back: as the user asked
    engine.dispose()


def test_an_engine_with_the_recipe_for_savepoints_keeps_it(migrated_url: str, raw: Raw) -> None:
    engine = sync_engine(migrated_url, pool_size=1, max_overflow=0)
    Tickover(engine).enqueue("elsewhere", remote=True)
    raw.rows("CREATE TABLE orders (id integer)")
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO orders VALUES (1)"))
        nested = connection.begin_nested()
        connection.execute(text("INSERT INTO orders VALUES (2)"))
        nested.rollback()

    assert raw.rows("SELECT id FROM orders") == [(1,)]
    engine.dispose()


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_cut_connection_is_replaced_and_its_place_in_the_pool_is_free_again(
    jobs: Tickover, double: Handler[[int], int], raw: Raw
) -> None:
    double.enqueue(0)

    def cut(name: str) -> None:
        if name == "enqueue.before_send":
            faults.arm(None)
            raw.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip

    for n in range(1, 4):
        faults.arm(cut)
        try:
            double.enqueue(n)
        finally:
            faults.arm(None)

    assert sorted(job.payload for job in jobs.find()) == [0, 1, 2, 3]


def test_an_engine_that_ticks_cannot_use_is_refused_in_one_line() -> None:
    wrong: list[tuple[Any, str]] = [
        (
            create_async_engine("sqlite+aiosqlite://"),
            "AsyncEngine is not a synchronous SQLAlchemy Engine; pass engine.sync",
        ),
        (create_engine("sqlite+aiosqlite://"), r"uses sqlite\+aiosqlite; ticks need postgresql\+psycopg or sqlite"),
        (create_engine("postgresql+asyncpg://h/x"), r"uses postgresql\+asyncpg; ticks need"),
    ]
    for engine, said in wrong:
        with pytest.raises(ConfigurationError, match=said):
            Tickover(engine)


def test_an_engine_whose_database_is_away_says_so_in_one_line() -> None:
    engine = create_engine("postgresql+psycopg://me:hidden@127.0.0.1:1/x")
    with pytest.raises(StorageUnavailable, match="The database cannot be reached") as refusal:
        Tickover(engine).enqueue("elsewhere", remote=True)

    assert "\n" not in str(refusal.value)
    assert "hidden" not in str(refusal.value)
    assert isinstance(refusal.value.__cause__, psycopg.Error)
