"""`tickover enqueue`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Run
from tickover import Tickover


@pytest.fixture
def dialect() -> str:
    """The rows are the façade's; here only what the words become."""
    return "sqlite"


def test_it_prints_the_id_alone(run: Run, shop: Tickover) -> None:
    answer = run("enqueue", "greet", '"Ann"')
    job = shop.get(answer.stdout.strip())
    assert answer.stdout == f"{job.id}\n"
    assert (job.kind, job.payload, job.state) == ("greet", "Ann", "pending")


def test_with_json_it_prints_the_id_in_an_object(run: Run, shop: Tickover) -> None:
    answer = json.loads(run("enqueue", "greet", '"Ann"', "--json").stdout)
    assert answer == {"id": shop.find()[0].id}


def test_every_option_reaches_the_job(run: Run, shop: Tickover) -> None:
    options = (
        "--queue", "emails", "--priority", "-5", "--retries", "7", "--unique", "order-7", "--tenant", "acme",
        "--meta", "colour=red", "--meta", '{"size": 3}', "--timeout", "2m", "--delay", "15m",
    )  # fmt: skip
    assert run("enqueue", "greet", '"Ann"', *options).exit_code == 0
    (job,) = shop.find()
    assert (job.queue, job.priority, job.unique_key, job.tenant) == ("emails", -5, "order-7", "acme")
    assert job.meta == {"colour": "red", "size": 3}
    assert job.run_at - job.created_at == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2031-05-06T07:08:09+02:00", datetime(2031, 5, 6, 5, 8, 9, tzinfo=UTC)),
        ("2031-05-06T07:08:09Z", datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("2031-05-06 07:08", datetime(2031, 5, 6, 7, 8).astimezone()),  # local is what is meant
        ("2031-05-06", datetime(2031, 5, 6).astimezone()),  # local is what is meant
    ],
)
def test_at_is_an_instant_and_local_without_an_offset(run: Run, shop: Tickover, text: str, instant: datetime) -> None:
    assert run("enqueue", "greet", '"Ann"', "--at", text).exit_code == 0
    assert shop.find()[0].run_at == instant


def test_an_idempotency_key_brings_the_first_id_back(run: Run, shop: Tickover) -> None:
    first = run("enqueue", "greet", '"Ann"', "--idempotency-key", "k")
    second = run("enqueue", "greet", '"Ben"', "--idempotency-key", "k")
    assert (second.exit_code, second.stdout) == (0, first.stdout)


def test_a_dash_reads_the_payload_from_stdin(run: Run, shop: Tickover) -> None:
    assert run("enqueue", "greet", "-", given='\n "Ann, ä"\n').exit_code == 0
    assert shop.find()[0].payload == "Ann, ä"


def test_a_remote_kind_needs_no_handler(run: Run, shop: Tickover) -> None:
    assert run("enqueue", "ocr", '{"path": "a.png"}', "--remote").exit_code == 0


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ("Ann", "The payload is not JSON at column 1: Expecting value, before 'Ann'; a text keeps its own quotes"),
        ('{"name": Ann}', "not JSON at column 10: Expecting value, before 'Ann}'."),
        ('{"name":\n  "Ann",}', "not JSON at line 2, column 9"),
        ('{"name": "Ann"', "not JSON at column 15: Expecting ',' delimiter, at the end."),
        ("", "not JSON at column 1: Expecting value, at the end"),
        ("[" * 200_000, "The payload cannot be read"),
        ("9" * 5000, "The payload cannot be read"),
    ],
    ids=["word", "value", "second line", "unfinished", "empty", "deep", "digits"],
)
def test_what_is_not_json_is_explained_with_its_place(run: Run, shop: Tickover, payload: str, said: str) -> None:
    answer = run("enqueue", "greet", "-", given=payload)
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert len(shop.find()) == 0
