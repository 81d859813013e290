"""Jobs written in the caller's own transaction: commit publishes, rollback leaves nothing."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.app.conftest import Wakes
from tests.app.doors import KINDS, Door, opened
from tests.support.raw import Raw
from tickover import Handler, Tickover
from tickover.errors import DuplicateJob, MigrationRequired, PayloadError


@pytest.fixture(params=KINDS)
def door(request: pytest.FixtureRequest, migrated_url: str, raw: Raw) -> Iterator[Door]:
    raw.rows("CREATE TABLE orders (id integer)")
    with opened(request.param, migrated_url) as made:
        yield made


def test_commit_publishes(jobs: Tickover, double: Handler[[int], int], door: Door, raw: Raw) -> None:
    door.execute("INSERT INTO orders VALUES (1)")
    job_id = double.using(session=door.session).enqueue(21)

    assert raw.count("jobs") == 0
    door.commit()
    jobs.drain(20)
    assert (raw.count("orders"), double.result(job_id)) == (1, 42)


def test_rollback_leaves_nothing(jobs: Tickover, double: Handler[[int], int], door: Door, raw: Raw) -> None:
    door.execute("INSERT INTO orders VALUES (1)")
    double.using(session=door.session, unique="k").enqueue(1)
    jobs.enqueue_many([double.new(2), double.using(idempotency_key="i").new(3)], session=door.session)
    door.rollback()

    assert [raw.count(table) for table in ("orders", "jobs", "job_data", "events", "idempotency")] == [0] * 5


def test_a_job_may_be_the_first_thing_that_a_transaction_does(
    jobs: Tickover, double: Handler[[int], int], door: Door, raw: Raw
) -> None:
    double.using(session=door.session).enqueue(1)
    door.rollback()
    assert raw.count("jobs") == 0

    double.using(session=door.session).enqueue(2)
    door.commit()
    assert raw.count("jobs") == 1


def test_a_savepoints_rollback_takes_back_what_was_enqueued_inside_it_and_nothing_else(
    jobs: Tickover, double: Handler[[int], int], door: Door
) -> None:
    inside = double.using(session=door.session)
    kept = [inside.enqueue(1)]
    with suppress(ZeroDivisionError), door.savepoint():
        inside.enqueue(2)
        raise ZeroDivisionError
    with door.savepoint():
        kept.append(inside.enqueue(3))
    door.commit()

    assert [job.id for job in jobs.find()] == kept[::-1]


def test_a_duplicate_leaves_the_transaction_usable(
    jobs: Tickover, double: Handler[[int], int], door: Door, raw: Raw
) -> None:
    held = double.using(unique="order-7").enqueue(1)
    door.execute("INSERT INTO orders VALUES (1)")
    with pytest.raises(DuplicateJob) as refusal:
        double.using(session=door.session, unique="order-7").enqueue(2)
    door.execute("INSERT INTO orders VALUES (2)")
    other = double.using(session=door.session, unique="order-8").enqueue(3)
    door.commit()

    assert refusal.value.job_id == held
    assert raw.count("orders") == 2
    assert {job.id for job in jobs.find()} == {held, other}


def test_a_refused_payload_leaves_the_transaction_usable(
    jobs: Tickover, double: Handler[[int], int], door: Door, raw: Raw
) -> None:
    door.execute("INSERT INTO orders VALUES (1)")
    with pytest.raises(PayloadError):
        jobs.enqueue("double", "x", session=door.session)
    door.commit()

    assert raw.count("orders") == 1


def test_a_key_of_this_very_transaction_counts_already(jobs: Tickover, double: Handler[[int], int], door: Door) -> None:
    first = double.using(session=door.session, unique="k").enqueue(1)
    once = double.using(session=door.session, idempotency_key="i")
    ids = [once.enqueue(1), once.enqueue(2)]
    with pytest.raises(DuplicateJob) as refusal:
        double.using(session=door.session, unique="k").enqueue(2)
    door.commit()

    assert refusal.value.job_id == first
    assert ids[0] == ids[1]
    assert len(jobs.find()) == 2


def test_many_jobs_join_the_transaction_together(
    jobs: Tickover, double: Handler[[int], int], door: Door, raw: Raw
) -> None:
    held = double.using(unique="k").enqueue(0)
    ids = jobs.enqueue_many((double.using(unique=u).new(n) for n, u in enumerate("akb")), session=door.session)

    assert ids[1] == held
    assert raw.count("jobs") == 1
    door.commit()
    assert {job.id for job in jobs.find()} == {*ids, held}


def test_every_option_travels(jobs: Tickover, double: Handler[[int], int], door: Door) -> None:
    text = "größe: 'x' \"y\" %s :n \\ {}"
    job_id = jobs.enqueue(
        "elsewhere", {"text": text}, remote=True, session=door.session, queue="q", priority=-5, delay=60, tenant="acme",
        meta={"text": text}, unique=text, timeout=2, retries=9,
    )  # fmt: skip
    door.commit()
    job = jobs.get(job_id)

    assert (job.payload, dict(job.meta), job.unique_key) == ({"text": text}, {"text": text}, text)
    assert (job.queue, job.priority, job.tenant, (job.run_at - job.created_at).total_seconds()) == ("q", -5, "acme", 60)


def test_the_users_session_goes_on_as_it_was(jobs: Tickover, double: Handler[[int], int], door: Door, raw: Raw) -> None:
    for n in range(3):
        door.execute(f"INSERT INTO orders VALUES ({n})")
        double.using(session=door.session).enqueue(n)
        door.commit()
        door.execute("INSERT INTO orders VALUES (99)")
        door.rollback()

    assert (raw.count("orders"), raw.count("jobs")) == (3, 3)


def test_a_database_without_our_tables_says_what_to_do(
    jobs: Tickover, double: Handler[[int], int], door: Door, raw: Raw
) -> None:
    raw.rows("ALTER TABLE jobs RENAME TO jobs_moved")
    with pytest.raises(MigrationRequired, match="run `tickover migrate`"):
        double.using(session=door.session).enqueue(1)
    door.rollback()


# --- wakes --------------------------------------------------------------------------------------------------------------

SESSIONS = pytest.mark.parametrize("door", KINDS[:2], indirect=True)


@SESSIONS
def test_one_wake_goes_out_after_the_outermost_commit_however_many_were_enqueued(
    jobs: Tickover, double: Handler[[int], int], door: Door, wakes: Wakes
) -> None:
    inside = double.using(session=door.session)
    inside.enqueue(1)
    with door.savepoint():
        inside.enqueue(2)
    with door.savepoint():
        door.execute("SELECT 1")

    assert wakes.asked == []
    door.commit()
    assert wakes.asked == [None]
    door.execute("SELECT 1")
    door.commit()
    assert wakes.asked == [None]


@SESSIONS
def test_a_rollback_or_a_close_drops_the_wake(
    jobs: Tickover, double: Handler[[int], int], door: Door, wakes: Wakes
) -> None:
    for end in (door.rollback, door.session.close):
        double.using(session=door.session).enqueue(1)
        end()
        door.execute("SELECT 1")
        door.commit()

    assert wakes.asked == []


@pytest.mark.parametrize("door", KINDS[2:], indirect=True)
def test_nobody_tells_us_of_a_bare_connections_commit_so_the_user_wakes(
    jobs: Tickover, double: Handler[[int], int], door: Door, wakes: Wakes
) -> None:
    double.using(session=door.session).enqueue(1)
    door.commit()
    assert wakes.asked == []
    jobs.wake()
    assert wakes.asked == [None]
