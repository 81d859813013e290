"""How many connections an application holds, for how long, and when they are replaced."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.raw import Raw
from tickover import Pool, Settings, Tickover, faults
from tickover.clock import SystemClock, poll
from tickover.errors import StorageUnavailable
from tickover.store.open import KeptLinks

POSTGRES = pytest.mark.parametrize("dialect", ["postgresql"])


# --- how many -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def app(migrated_url: str) -> Iterator[Callable[..., Tickover]]:
    with ExitStack() as stack:
        yield lambda **pool: stack.enter_context(Tickover(migrated_url, pool=Pool(**pool), settings=Settings()))


def links(jobs: Tickover) -> KeptLinks:
    found = jobs._core.database
    assert isinstance(found, KeptLinks)
    return found


def sessions(raw: Raw) -> set[int]:
    """The server processes that serve us."""
    found = raw.rows(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tickover'"
    )
    return {row[0] for row in found}


def soon(look: Callable[[], bool]) -> bool:
    """Whether it becomes true: a server process lives on for a moment after its connection was closed."""
    return bool(poll(lambda: look() or None, timeout=20, clock=SystemClock()))


def hold(jobs: Tickover, threads: int, meanwhile: Callable[[], None]) -> None:
    """So many threads use a connection at the same time; `meanwhile` runs while all of them do."""
    ready, done = threading.Barrier(threads + 1), threading.Event()

    def use() -> None:
        with links(jobs).link() as link:
            link.query("SELECT 1", {})
            ready.wait(20)
            done.wait(20)

    workers = [threading.Thread(target=use) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait(20)
    try:
        meanwhile()
    finally:
        done.set()
        for worker in workers:
            worker.join(20)


@POSTGRES
def test_whoever_asks_one_at_a_time_is_served_by_one_kept_connection(app: Callable[..., Tickover], raw: Raw) -> None:
    jobs = app()
    jobs.enqueue("elsewhere", remote=True)
    (pid,) = sessions(raw)
    for _ in range(3):
        jobs.find()
        jobs.tick(1)

    assert sessions(raw) == {pid}


@POSTGRES
def test_a_tick_uses_one_connection_whatever_its_concurrency(app: Callable[..., Tickover], raw: Raw) -> None:
    jobs, seen, together = app(), [], threading.Barrier(10)

    @jobs.job
    def look() -> None:
        together.wait(20)
        seen.append(len(sessions_of(raw.url)))

    jobs.enqueue_many(look.new() for _ in range(10))
    jobs.tick(30, concurrency=10)

    assert seen == [1] * 10


def sessions_of(url: str) -> set[int]:
    with Raw(url) as own:
        return sessions(own)


@POSTGRES
def test_threads_at_once_get_connections_of_their_own_up_to_max_open(app: Callable[..., Tickover], raw: Raw) -> None:
    jobs = app(max_open=4, max_idle=2)

    def full() -> None:
        assert len(sessions(raw)) == 4
        links(jobs)._overflow._timeout = 0.05
        with pytest.raises(StorageUnavailable, match=r"All connections of the pool are in use; raise Pool\.max_open"):
            jobs.find()

    hold(jobs, 4, full)

    assert jobs.find() == []
    assert soon(lambda: len(sessions(raw)) <= 2)


def test_a_pool_of_one_never_opens_two(app: Callable[..., Tickover], monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = app(max_open=1)
    opened: list[object] = []
    real = KeptLinks._open

    def counted(self: KeptLinks, *given: Any) -> Any:
        opened.append(self)
        return real(self, *given)

    monkeypatch.setattr(KeptLinks, "_open", counted)
    done: list[str] = []

    def second() -> None:
        done.append(jobs.enqueue("elsewhere", remote=True))

    waiting = threading.Thread(target=second)

    def meanwhile() -> None:
        monkeypatch.setattr("tickover.store.open._WAIT", 0.05)
        with pytest.raises(StorageUnavailable, match=r"one connection of the pool is in use; raise Pool\.max_open"):
            jobs.find()
        monkeypatch.setattr("tickover.store.open._WAIT", 20.0)
        waiting.start()

    hold(jobs, 1, meanwhile)
    waiting.join(20)

    assert [job.id for job in jobs.find()] == done
    assert len(done) == 1
    assert len(opened) == 1


def test_threads_at_once_write_without_losing_anything(app: Callable[..., Tickover]) -> None:
    jobs = app(max_open=4, max_idle=2)
    ids: list[str] = []

    def write() -> None:
        ids.extend(jobs.enqueue("elsewhere", n, remote=True) for n in range(10))

    workers = [threading.Thread(target=write) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert {job.id for job in jobs.find(limit=100)} == set(ids)
    assert len(ids) == 60


def test_a_database_in_memory_is_shared_by_all_threads() -> None:
    jobs = Tickover("sqlite://")
    jobs.migrate()
    workers = [threading.Thread(target=lambda: jobs.enqueue("elsewhere", remote=True)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)

    assert len(jobs.find()) == 8
    jobs.close()


# --- how long -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets the process believe that so many seconds have passed."""
    real = time.monotonic
    return lambda seconds: monkeypatch.setattr(time, "monotonic", lambda: real() + seconds)


@POSTGRES
@pytest.mark.parametrize("limit", ["max_idle_time", "max_lifetime"])
def test_a_connection_that_was_idle_or_lived_too_long_is_replaced(
    app: Callable[..., Tickover], raw: Raw, later: Callable[[float], None], limit: str
) -> None:
    jobs = app(**{"max_idle_time": 1000, "max_lifetime": 1000, limit: 50})
    jobs.find()
    first = sessions(raw)
    later(40)
    jobs.find()
    assert sessions(raw) == first
    later(101)
    jobs.find()

    assert soon(lambda: len(sessions(raw)) == 1)
    assert not sessions(raw) & first


@POSTGRES
def test_idle_connections_beside_the_kept_one_are_replaced_as_well(
    app: Callable[..., Tickover], raw: Raw, later: Callable[[float], None]
) -> None:
    jobs = app(max_idle_time=50)
    hold(jobs, 3, lambda: None)
    first = sessions(raw)
    later(60)
    hold(jobs, 3, lambda: None)

    assert len(first) == 3
    assert soon(lambda: len(sessions(raw)) == 3)
    assert not sessions(raw) & first


@POSTGRES
@pytest.mark.parametrize("threads", [1, 3])
def test_a_connection_that_the_server_closed_is_replaced_before_it_is_used(
    app: Callable[..., Tickover], raw: Raw, threads: int
) -> None:
    jobs = app()
    hold(jobs, threads, lambda: None)
    cut(raw)
    hold(jobs, threads, lambda: None)

    assert soon(lambda: len(sessions(raw)) == threads)


def cut(raw: Raw) -> None:
    raw.rows(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'tickover'"
    )


@POSTGRES
@pytest.mark.parametrize("beside", [False, True])
def test_an_enqueue_whose_connection_is_cut_is_written_once_and_leaves_no_connection_behind(
    app: Callable[..., Tickover], raw: Raw, beside: bool
) -> None:
    jobs = app(max_open=2, max_idle=2)

    def once(name: str) -> None:
        if name == "enqueue.before_send":
            faults.arm(None)
            cut(raw)

    def enqueue() -> None:
        faults.arm(once)
        try:
            jobs.enqueue("elsewhere", remote=True)
        finally:
            faults.arm(None)

    if beside:
        hold(jobs, 1, enqueue)
    else:
        enqueue()

    assert len(jobs.find()) == 1
    assert soon(lambda: len(sessions(raw)) == 1)


@POSTGRES
@pytest.mark.parametrize("beside", [False, True])
def test_a_ticks_deadline_does_not_outlive_the_tick(app: Callable[..., Tickover], raw: Raw, beside: bool) -> None:
    jobs = app(max_open=2, max_idle=2)

    def tick() -> None:
        def once(name: str) -> None:
            if name == "claim.before_send":
                faults.arm(None)
                cut(raw)

        jobs.enqueue("elsewhere", remote=True)
        faults.arm(once if not beside else None)
        try:
            jobs.tick(2)
        finally:
            faults.arm(None)

    def deadline() -> None:
        tick()
        with links(jobs).link() as link:
            assert link.deadline is None

    hold(jobs, 1, deadline) if beside else deadline()


def test_close_leaves_a_connection_in_use_alone_and_the_application_usable(app: Callable[..., Tickover]) -> None:
    jobs = app()
    with links(jobs).link() as link:
        jobs.close()
        assert link.query("SELECT 1", {}) == [(1,)]
    jobs.close()
    jobs.close()

    assert jobs.find() == []
