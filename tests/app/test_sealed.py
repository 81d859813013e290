"""With a codec nothing of a job's data is in the database in plain text, and everything reads as if it were."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from tests.app.doors import KINDS, opened
from tests.support.raw import Raw
from tickover import Context, NoRetry, Settings, Tickover, events
from tickover.codec import AesGcmCodec
from tickover.errors import JobFailedError, PayloadError, StorageUnavailable

KEYS = {"k1": os.urandom(32), "k2": os.urandom(32)}
CODEC = AesGcmCodec(keys=KEYS, active="k1")
WORD = "marmalade"


@pytest.fixture
def jobs(migrated_url: str) -> Iterator[Tickover]:
    with Tickover(migrated_url, codec=CODEC, settings=Settings()) as made:
        yield with_handlers(made)


def with_handlers(jobs: Tickover) -> Tickover:
    @jobs.job("echo")
    def echo(ctx: Context, text: str) -> str:
        ctx.progress(0.5, f"half of {text}")
        return f"{text}!"

    @jobs.job("refuse")
    def refuse(text: str) -> None:
        raise NoRetry(f"no {text}")

    return jobs


def everything(raw: Raw) -> str:
    """All that the database holds of jobs, as one text."""
    rows: list[Any] = []
    for table in ("jobs", "job_data", "events", "checkpoints", "ticks"):
        rows += raw.rows(f"SELECT * FROM {table}")
    return repr(rows)


def sealed_data(raw: Raw, job_id: str, column: str) -> str:
    text: str = raw.one(f"SELECT {column} FROM job_data WHERE job_id = '{job_id}'")
    return text


def put(raw: Raw, job_id: str, column: str, text: str) -> None:
    raw.rows(f"UPDATE job_data SET {column} = '{text}' WHERE job_id = '{job_id}'")


def test_nothing_of_it_is_stored_in_plain_text_and_everything_is_read(jobs: Tickover, raw: Raw) -> None:
    good, bad = jobs.enqueue("echo", WORD), jobs.enqueue("refuse", WORD)
    assert WORD not in everything(raw)
    jobs.drain(20)

    assert WORD not in everything(raw)
    assert jobs.result(good) == f"{WORD}!"
    assert (jobs.get(good).payload, jobs.get(good).result) == (WORD, f"{WORD}!")
    assert jobs.get(good).progress == (0.5, f"half of {WORD}")
    assert (jobs.find(kind="refuse")[0].payload, jobs.get(bad).error) == (WORD, f"no {WORD}")
    with pytest.raises(JobFailedError, match=f"no {WORD}"):
        jobs.result(bad)


def test_events_tell_errors_and_progress(jobs: Tickover) -> None:
    jobs.enqueue_many([])
    jobs.enqueue("echo", WORD)
    jobs.enqueue("refuse", WORD)
    jobs.drain(20)
    told = list(jobs.events())

    assert [event.error for event in told if isinstance(event, events.JobFailed)] == [f"no {WORD}"]
    assert [event.data for event in told if isinstance(event, events.Progress)] == [[0.5, f"half of {WORD}"]]


def test_hooks_see_plain_values(jobs: Tickover) -> None:
    seen: list[Any] = []
    jobs.on_job_complete(lambda job: seen.append((job.payload, job.result)))
    jobs.enqueue("echo", WORD)
    jobs.drain(20)

    assert seen == [(WORD, f"{WORD}!")]


@pytest.mark.parametrize("kind", KINDS)
def test_an_enqueue_in_the_users_transaction_is_sealed(jobs: Tickover, raw: Raw, migrated_url: str, kind: str) -> None:
    with opened(kind, migrated_url) as door:
        job_id = jobs.enqueue("echo", WORD, session=door.session)
        door.commit()

    assert WORD not in everything(raw)
    jobs.drain(20)
    assert jobs.result(job_id) == f"{WORD}!"


def test_an_enqueue_in_an_async_session_is_sealed(jobs: Tickover, raw: Raw, migrated_url: str) -> None:
    url = migrated_url.replace("postgresql://", "postgresql+asyncpg://").replace("sqlite://", "sqlite+aiosqlite://")

    async def add() -> str:
        engine = create_async_engine(url)
        async with AsyncSession(engine) as session:
            job_id = jobs.enqueue("echo", WORD, session=session)
            await session.commit()
        await engine.dispose()
        return job_id

    job_id = asyncio.run(add())
    assert WORD not in everything(raw)
    jobs.drain(20)
    assert jobs.result(job_id) == f"{WORD}!"


def test_what_was_enqueued_with_an_old_key_runs_and_what_it_leaves_has_the_new_one(
    jobs: Tickover, raw: Raw, migrated_url: str
) -> None:
    job_id = jobs.enqueue("echo", WORD)
    with Tickover(migrated_url, codec=AesGcmCodec(keys=KEYS, active="k2"), settings=Settings()) as newer:
        with_handlers(newer).drain(20)

        assert newer.result(job_id) == f"{WORD}!"
    assert sealed_data(raw, job_id, "args").startswith("tk1.k1.")
    assert sealed_data(raw, job_id, "result").startswith("tk1.k2.")


def test_a_row_that_does_not_open_fails_by_itself_and_its_batch_goes_on(jobs: Tickover, raw: Raw) -> None:
    ids = [jobs.enqueue("echo", f"{n}", retries=0) for n in range(5)]
    put(raw, ids[1], "args", sealed_data(raw, ids[0], "args"))  # moved from another job
    put(raw, ids[3], "args", '"plain"')
    report = jobs.drain(20)

    assert (report.completed, report.failed, report.lost) == (3, 2, 0)
    assert "was not sealed for this place" in (jobs.get(ids[1]).error or "")
    assert "plain text where sealed text is expected" in (jobs.get(ids[3]).error or "")
    assert jobs.get(ids[3]).error_kind == "PayloadError"


def test_a_key_that_comes_in_time_saves_the_job(migrated_url: str, raw: Raw) -> None:
    with Tickover(migrated_url, codec=AesGcmCodec(keys=KEYS, active="k2"), settings=Settings()) as newer:
        job_id = newer.enqueue("echo", WORD, remote=True)
    with Tickover(migrated_url, codec=AesGcmCodec({"k1": KEYS["k1"]}, "k1"), settings=Settings()) as older:
        assert with_handlers(older).tick(5).retried == 1
    with Tickover(migrated_url, codec=AesGcmCodec(keys=KEYS, active="k1"), settings=Settings()) as both:
        with_handlers(both).drain(20)

        assert both.result(job_id) == f"{WORD}!"


def test_a_value_that_was_moved_or_changed_is_not_shown_and_hides_no_other(jobs: Tickover, raw: Raw) -> None:
    first, second = jobs.enqueue("echo", "one"), jobs.enqueue("echo", "two")
    jobs.drain(20)
    put(raw, first, "result", sealed_data(raw, second, "result"))
    put(raw, second, "result", sealed_data(raw, second, "args"))

    with pytest.raises(PayloadError, match="stored result cannot be opened"):
        jobs.result(first)
    shown = {job.id: job for job in jobs.find()}
    assert shown[first].payload == "one"
    assert "cannot be opened" in shown[first].result
    assert "cannot be opened" in shown[second].result


def test_old_plain_rows_are_read_where_that_is_allowed(migrated_url: str) -> None:
    with Tickover(migrated_url, settings=Settings()) as plain:
        job_id = with_handlers(plain).enqueue("echo", WORD)
        done = plain.enqueue("echo", "old")
        plain.tick(5)
        job_id = plain.enqueue("echo", WORD)
        failed = plain.enqueue("refuse", WORD, delay=0)
    lenient = AesGcmCodec(keys=KEYS, active="k1", strict=False)
    with Tickover(migrated_url, codec=lenient, settings=Settings()) as jobs:
        with_handlers(jobs).drain(20)

        assert (jobs.result(job_id), jobs.result(done)) == (f"{WORD}!", "old!")
        assert jobs.get(failed).error == f"no {WORD}"
        assert jobs.get(done).progress == (0.5, "half of old")
        assert [event.data for event in jobs.events(job_id=done) if isinstance(event, events.Progress)]


def test_without_a_codec_a_text_that_looks_sealed_stays_what_it_is(migrated_url: str) -> None:
    with Tickover(migrated_url, settings=Settings()) as plain:
        job_id = with_handlers(plain).enqueue("echo", "tk1.k1.AAAA")
        plain.drain(20)

        assert plain.result(job_id) == "tk1.k1.AAAA!"
        assert plain.find(search="tk1.k1")[0].payload == "tk1.k1.AAAA"


def test_a_search_finds_ids_kinds_and_keys_and_nothing_by_chance(jobs: Tickover, raw: Raw) -> None:
    ids = [jobs.enqueue("echo", f"{WORD} {n}", unique=f"order-{n}") for n in range(20)]
    piece = sealed_data(raw, ids[0], "args")[10:14]

    assert jobs.find(search=WORD) == []
    assert jobs.find(search="tk1.") == []
    assert [job.id for job in jobs.find(search=piece) if not job.id.endswith(piece)] == []
    assert [job.id for job in jobs.find(search=ids[3][-8:])] == [ids[3]]
    assert len(jobs.find(search="order-")) == 20
    assert len(jobs.find(search="ech")) == 20


def test_a_codec_that_cannot_seal_refuses_the_enqueue(migrated_url: str) -> None:
    class Down:
        def seal(self, text: str, bound_to: str, /) -> str:
            raise ConnectionError(text)

        def open(self, sealed: str, bound_to: str, /) -> str:
            raise ConnectionError(sealed)

    with Tickover(migrated_url, codec=Down(), settings=Settings()) as jobs:
        with pytest.raises(StorageUnavailable, match="cannot seal: ConnectionError") as refused:
            jobs.enqueue("echo", WORD, remote=True)
        assert WORD not in str(refused.value)
        assert jobs.find() == []


def test_a_secret_in_an_error_is_not_stored(migrated_url: str, raw: Raw) -> None:
    with Tickover(migrated_url, settings=Settings()) as jobs:

        @jobs.job(retries=0)
        def connect() -> None:
            raise ConnectionError("postgresql://app:hunter2@db/shop: password=hunter2 refused")

        job_id = connect.enqueue()
        jobs.drain(20)

        assert "hunter2" not in everything(raw)
        assert jobs.get(job_id).error == "postgresql://app:[redacted]@db/shop: password=[redacted] refused"
