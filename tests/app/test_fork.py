"""A process that forks: the child opens connections of its own and leaves the parent's alone."""

import os
from pathlib import Path

import pytest

from tests.app.test_pool import POSTGRES, sessions
from tests.support.raw import Raw
from tests.unit.forking import in_child
from tickover import Handler, NewJob, Tickover


def test_parent_and_child_both_go_on(jobs: Tickover, double: Handler[[int], int], raw: Raw) -> None:
    first = double.enqueue(1)
    status, second = in_child(lambda: double.enqueue(2))
    third = double.enqueue(3)

    assert status == 0
    assert [job.id for job in jobs.find()] == [third, second, first]


def test_the_child_may_work_through_the_queue(jobs: Tickover, double: Handler[[int], int]) -> None:
    job_id = double.enqueue(21)
    status, said = in_child(lambda: str(jobs.tick(20).completed))

    assert (status, said, double.result(job_id)) == (0, "1", 42)


@POSTGRES
@pytest.mark.parametrize("ends", ["close", "nothing"])
def test_what_the_child_closes_is_not_the_parents(
    jobs: Tickover, double: Handler[[int], int], raw: Raw, ends: str
) -> None:
    double.enqueue(1)
    before = sessions(raw)

    def child() -> str:
        if ends == "close":
            jobs.close()
        for link in jobs._core.database._slot:  # type: ignore[attr-defined]  # what the finalizer closes at exit
            link.close()
        return str(len(jobs.find()))

    assert in_child(child) == (0, "1")
    double.enqueue(2)
    assert sessions(raw) & before == before


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_fork_in_the_middle_of_a_sqlite_transaction_does_not_touch_it(
    jobs: Tickover, migrated_url: str, dialect: str, raw: Raw
) -> None:
    journal = Path(migrated_url.removeprefix("sqlite:///") + "-journal")
    raw.close()
    if raw_mode(migrated_url) == "wal":
        journal = journal.with_name(journal.name.replace("-journal", "-wal"))
    with jobs._core.database.link() as link:
        with link.transaction():
            link.query("INSERT INTO control (key, value, updated_at) VALUES ('mine', 'x', 0)", {})
            before = journal.read_bytes()
            assert in_child(lambda: touch(jobs)) == (0, "touched")
            assert journal.read_bytes() == before
            assert before
        assert link.query("SELECT value FROM control WHERE key = 'mine'", {}) == [("x",)]
        assert link.query("PRAGMA integrity_check", {}) == [("ok",)]


def touch(jobs: Tickover) -> str:
    jobs.close()
    with jobs._core.database.link():
        return "touched"


def raw_mode(url: str) -> str:
    with Raw(url) as own:
        return str(own.one("PRAGMA journal_mode"))


def test_a_database_in_memory_is_the_childs_own_copy() -> None:
    jobs = Tickover("sqlite://")
    jobs.migrate()
    jobs.enqueue_many([NewJob("elsewhere", remote=True)])

    def child() -> str:
        jobs.enqueue("elsewhere", remote=True)
        return f"{os.getpid()} {len(jobs.find())}"

    status, said = in_child(child)

    assert (status, said.split()[1], len(jobs.find())) == (0, "2", 1)
    jobs.close()
