"""Driver connections as users set them up: autocommit, row factories, transactions of their own."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.support.raw import Raw
from tickover import Handler, Tickover
from tickover.errors import DuplicateJob


@pytest.fixture
def autocommit(migrated_url: str) -> Iterator[Any]:
    """A connection that commits each statement by itself, and gives rows as something else than tuples."""
    connection: Any
    if migrated_url.startswith("sqlite"):
        connection = sqlite3.connect(migrated_url.removeprefix("sqlite:///"), isolation_level=None)
        connection.row_factory = sqlite3.Row
    else:
        connection = psycopg.connect(migrated_url, autocommit=True, row_factory=dict_row)
    yield connection
    connection.close()


def test_in_autocommit_a_job_is_public_at_once_and_whole(
    jobs: Tickover, double: Handler[[int], int], autocommit: Any, raw: Raw
) -> None:
    inside = double.using(session=autocommit)
    ids = [inside.enqueue(1), *jobs.enqueue_many([double.new(2), double.using(unique="k").new(3)], session=autocommit)]

    assert [raw.count(table) for table in ("jobs", "job_data", "events")] == [3, 3, 3]
    with pytest.raises(DuplicateJob) as refusal:
        inside.using(unique="k").enqueue(4)
    assert refusal.value.job_id == ids[2]


def test_a_transaction_begun_by_hand_is_joined(
    jobs: Tickover, double: Handler[[int], int], autocommit: Any, raw: Raw
) -> None:
    for end in ("ROLLBACK", "COMMIT"):
        autocommit.execute("BEGIN")
        double.using(session=autocommit).enqueue(1)
        jobs.enqueue_many([double.using(idempotency_key="i").new(2)], session=autocommit)
        assert raw.count("jobs") == 0
        autocommit.execute(end)

    assert raw.count("jobs") == 2


def test_the_connection_keeps_its_mode_and_its_rows(
    jobs: Tickover, double: Handler[[int], int], autocommit: Any
) -> None:
    double.using(session=autocommit, unique="k").enqueue(1)
    row = autocommit.execute("SELECT 1 AS one").fetchone()

    assert row["one"] == 1
    assert isinstance(row, sqlite3.Row | dict)
    if isinstance(autocommit, sqlite3.Connection):
        assert (autocommit.isolation_level, autocommit.in_transaction) == (None, False)
    else:
        assert (autocommit.autocommit, autocommit.info.transaction_status) == (True, 0)
