"""Jobs written in an AsyncSession's transaction: the id at once and without await, the rows just before the commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from tests.app.conftest import Wakes
from tests.app.doors import with_savepoints
from tests.support.raw import Raw
from tickover import Handler, Tickover
from tickover.errors import DuplicateJob, InvalidArgument

Story = Callable[[AsyncSession], Awaitable[None]]
Tell = Callable[[Story], None]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://").replace("sqlite://", "sqlite+aiosqlite://")
    )
    if engine.dialect.name == "sqlite":
        with_savepoints(engine.sync_engine)
    try:
        yield engine
    finally:
        await engine.dispose()


@pytest.fixture
def tell(migrated_url: str, raw: Raw) -> Tell:
    """Runs a story with an AsyncSession on asyncpg or aiosqlite."""
    raw.rows("CREATE TABLE orders (id integer)")

    async def run(story: Story) -> None:
        async with opened(migrated_url) as engine, AsyncSession(engine) as session:
            await story(session)

    return lambda story: asyncio.run(run(story))


def test_commit_publishes_under_the_id_that_came_back_at_once(
    jobs: Tickover, double: Handler[[int], int], raw: Raw, tell: Tell
) -> None:
    ids = []

    async def story(session: AsyncSession) -> None:
        async with session.begin():
            await session.execute(text("INSERT INTO orders VALUES (1)"))
            ids.append(double.using(session=session).enqueue(21))
            ids.extend(jobs.enqueue_many([double.new(1), double.new(2)], session=session))
            assert raw.count("jobs") == 0

    tell(story)
    jobs.drain(20)

    assert [double.result(job_id) for job_id in ids] == [42, 2, 4]
    assert raw.count("orders") == 1


@pytest.mark.parametrize("begun", [True, False])
def test_rollback_leaves_nothing_even_for_what_is_committed_afterwards(
    jobs: Tickover, double: Handler[[int], int], raw: Raw, tell: Tell, begun: bool
) -> None:
    async def story(session: AsyncSession) -> None:
        for end in (session.rollback, session.close):
            if begun:
                await session.execute(text("INSERT INTO orders VALUES (1)"))
            double.using(session=session).enqueue(1)
            await end()
            await session.execute(text("INSERT INTO orders VALUES (2)"))
            await session.commit()

    tell(story)

    assert (raw.count("jobs"), raw.count("orders", "id = 1"), raw.count("orders", "id = 2")) == (0, 0, 2)


def test_an_error_in_the_block_leaves_nothing(
    jobs: Tickover, double: Handler[[int], int], raw: Raw, tell: Tell
) -> None:
    async def story(session: AsyncSession) -> None:
        async with session.begin():
            double.using(session=session).enqueue(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tell(story)
    assert raw.count("jobs") == 0


def test_a_session_is_used_again_and_again(jobs: Tickover, double: Handler[[int], int], raw: Raw, tell: Tell) -> None:
    async def story(session: AsyncSession) -> None:
        for n in range(3):
            double.using(session=session).enqueue(n)
            await session.commit()
            assert raw.count("jobs") == n + 1

    tell(story)


def test_a_savepoints_rollback_takes_back_what_was_enqueued_inside_it_and_nothing_else(
    jobs: Tickover, double: Handler[[int], int], tell: Tell
) -> None:
    kept = []

    async def story(session: AsyncSession) -> None:
        inside = double.using(session=session)
        async with session.begin():
            kept.append(inside.enqueue(1))
            with suppress(ZeroDivisionError):
                async with session.begin_nested():
                    inside.enqueue(2)
                    raise ZeroDivisionError
            async with session.begin_nested():
                kept.append(inside.enqueue(3))

    tell(story)

    assert [job.id for job in jobs.find()] == kept[::-1]


def test_a_savepoints_rollback_takes_back_what_savepoints_within_it_had_released(
    jobs: Tickover, double: Handler[[int], int], tell: Tell
) -> None:
    kept = []

    async def story(session: AsyncSession) -> None:
        inside = double.using(session=session)
        async with session.begin():
            kept.append(inside.enqueue(1))
            with suppress(ZeroDivisionError):
                async with session.begin_nested():
                    inside.enqueue(2)
                    async with session.begin_nested():
                        inside.enqueue(3)
                    raise ZeroDivisionError
            kept.append(inside.enqueue(4))

    tell(story)

    assert [job.id for job in jobs.find()] == kept[::-1]


@pytest.mark.parametrize("outer_first", [True, False])
def test_a_commit_with_a_savepoint_still_open_publishes_everything(
    jobs: Tickover, double: Handler[[int], int], tell: Tell, outer_first: bool
) -> None:
    kept = []

    async def story(session: AsyncSession) -> None:
        async with session.begin():
            if outer_first:
                kept.append(double.using(session=session).enqueue(1))
            _open = await session.begin_nested()
            kept.append(double.using(session=session).enqueue(2))

    tell(story)

    assert {job.id for job in jobs.find()} == set(kept)


def test_a_key_is_refused_with_the_form_that_works(
    jobs: Tickover, double: Handler[[int], int], raw: Raw, tell: Tell
) -> None:
    held = double.using(unique="k").enqueue(0)

    async def story(session: AsyncSession) -> None:
        keyed = [double.using(unique="k"), double.using(idempotency_key="i")]
        for handler in keyed:
            with pytest.raises(InvalidArgument, match=r"await session\.run_sync\(lambda s: .*session=s"):
                handler.using(session=session).enqueue(1)
            with pytest.raises(InvalidArgument, match="run_sync"):
                jobs.enqueue_many([double.new(1), handler.new(2)], session=session)
        await session.run_sync(lambda s: double.using(session=s, unique="new").enqueue(3))
        with pytest.raises(DuplicateJob) as refusal:
            await session.run_sync(lambda s: double.using(session=s, unique="k").enqueue(4))
        assert refusal.value.job_id == held
        await session.execute(text("INSERT INTO orders VALUES (1)"))
        await session.commit()

    tell(story)

    assert sorted(job.payload for job in jobs.find()) == [0, 3]
    assert raw.count("orders") == 1


def test_the_wake_goes_out_after_the_outermost_commit(
    jobs: Tickover, double: Handler[[int], int], wakes: Wakes, tell: Tell
) -> None:
    async def story(session: AsyncSession) -> None:
        async with session.begin():
            async with session.begin_nested():
                double.using(session=session).enqueue(1)
            assert wakes.asked == []
        assert wakes.asked == [None]
        double.using(session=session).enqueue(1)
        await session.rollback()
        await session.execute(text("SELECT 1"))
        await session.commit()

    tell(story)
    assert wakes.asked == [None]


def test_rows_are_written_before_what_the_application_hangs_on_its_commit(
    jobs: Tickover, double: Handler[[int], int], tell: Tell
) -> None:
    seen = []

    async def story(session: AsyncSession) -> None:
        job_id = double.using(session=session).enqueue(1)
        event.listen(
            session.sync_session,
            "before_commit",
            lambda s: seen.append(s.connection().execute(text("SELECT count(*) FROM jobs")).scalar_one()),
        )
        await session.commit()
        assert jobs.get(job_id).payload == 1

    tell(story)
    assert seen == [1]


def test_a_session_of_another_database_is_refused_at_once(
    dialect: str, jobs: Tickover, double: Handler[[int], int]
) -> None:
    other = "postgresql+asyncpg://nobody@nowhere/x" if dialect == "sqlite" else "sqlite+aiosqlite://"

    async def story() -> None:
        engine = create_async_engine(other)
        session = AsyncSession(engine)
        with pytest.raises(InvalidArgument, match=f"but the jobs are in {dialect}"):
            double.using(session=session).enqueue(1)
        await session.close()
        await engine.dispose()

    asyncio.run(story())
