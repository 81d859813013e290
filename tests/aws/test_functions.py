"""What the functions take, and what they make of it: events, budgets, batches, HTTP, and the connection they leave."""

from __future__ import annotations

import base64
import json
import math
import os
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.loops import loop_of_its_own
from tickover import NewJob, Settings, Tickover
from tickover.aws import clients, migrate_handler, reaper_handler, scheduler_handler, tick_handler, web_handler
from tickover.aws.budget import budget_of
from tickover.aws.price import PER_GB_SECOND, PER_REQUEST
from tickover.engine.wake import Note
from tickover.errors import ConfigurationError, InvalidArgument
from tickover.store.migrate import HEAD
from tickover.testing import fake_lambda_context
from tickover.twin import Function, Platform

TOKEN = "tick-0123456789abcdef"
EXAMPLE = Path(__file__).parents[2] / "examples" / "producer_lambda" / "producer.py"


@pytest.fixture
def jobs(migrated_url: str) -> Iterator[Tickover]:
    with Tickover(migrated_url, settings=Settings(tick_token=TOKEN)) as jobs:

        @jobs.job
        def work(n: int = 0) -> int:
            return n

        yield jobs


def context() -> Any:
    return fake_lambda_context(30)


def message(body: str, name: str = "m1") -> dict[str, Any]:
    return {"messageId": name, "eventSource": "aws:sqs", "body": body}


def http(body: str = "", *, token: str | None = TOKEN, method: str = "POST", **more: Any) -> dict[str, Any]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return {"requestContext": {"http": {"method": method}}, "headers": headers, "body": body, **more}


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("event", "trigger"),
    [
        (None, "invoke"),
        ({}, "invoke"),
        ({"tickover": {"reason": "nudge", "hops": 0, "parent": None}}, "nudge"),
        ({"source": "aws.events", "detail-type": "Scheduled Event"}, "timer"),
        ({"source": "aws.scheduler", "detail-type": "Scheduled Event"}, "timer"),
    ],
)
def test_whatever_wakes_it_a_tick_runs_what_is_due(jobs: Tickover, event: Any, trigger: str) -> None:
    jobs.enqueue("work")
    report = tick_handler(jobs)(event, context())
    assert (report["completed"], report["trigger"]) == (1, trigger)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_batch_is_one_tick_and_names_the_messages_that_are_no_wakes(jobs: Tickover) -> None:
    job_id = jobs.enqueue("work")
    strange = ["what?", '{"tickover": {"hops": -1}}', "[" * 100_000]
    records = [message(Note(reason="nudge").body), *(message(body, f"m{n}") for n, body in enumerate(strange, 2))]
    answer = tick_handler(jobs)({"Records": records}, context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": f"m{n}"} for n in (2, 3, 4)]}
    assert jobs.get(job_id).state == "completed"
    assert len(jobs.ticks()) == 1


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("text", "The event is a str"),
        ({"detail": 1, "id": 2}, "has the keys detail, id"),
        ({"Records": [{"eventSource": "aws:s3"}]}, "records are of aws:s3, not of SQS"),
        ({"tickover": []}, "The wake is a list"),
    ],
)
def test_an_event_that_starts_no_tick_is_refused_with_what_would(jobs: Tickover, event: Any, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        tick_handler(jobs)(event, context())


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("event", "status"),
    [
        (http(), 200),
        (http(method="GET"), 200),
        (http(token=None), 401),
        (http(token="another"), 401),
        (http(method="DELETE"), 405),
        (http('{"tickover": {"reason": "because"}}'), 400),
        (http('{"tickover": {"reason": "because"}}', token=None), 401),
        (http(token=None, requestContext={"http": {"method": "POST"}, "authorizer": {"iam": {"userArn": "a"}}}), 200),
        ({"httpMethod": "POST", "requestContext": {}, "headers": {"authorization": f"bearer {TOKEN}"}}, 200),
    ],
)
def test_over_http_it_ticks_for_who_may_and_says_why_to_who_may_not(jobs: Tickover, event: Any, status: int) -> None:
    answer = tick_handler(jobs)(event, context())
    assert answer["statusCode"] == status
    assert json.loads(answer["body"])["detail" if status >= 400 else "tick_id"]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_without_a_token_nothing_ticks_over_http(migrated_url: str) -> None:
    with Tickover(migrated_url, settings=Settings()) as jobs:
        assert tick_handler(jobs)(http(token=""), context())["statusCode"] == 403


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("encoded", [True, False])
def test_a_wake_that_comes_over_http_goes_on_counting_its_hops(jobs: Tickover, encoded: bool) -> None:
    sent: list[Note] = []

    class Wakes:
        precision = 60.0

        def wake(self, at: object) -> None: ...

        def send(self, at: object, note: Note) -> None:
            sent.append(note)

    jobs.enqueue_many(NewJob("work", n) for n in range(3))
    jobs._core.waker = Wakes()
    body = Note(reason="chain", hops=11).body
    event = http(base64.b64encode(body.encode()).decode() if encoded else body, isBase64Encoded=encoded)
    report = json.loads(tick_handler(jobs, max_jobs=1)(event, context())["body"])

    assert report["trigger"] == "chain"
    assert {note.hops for note in sent} == {12}


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_of_a_batch_the_longest_chain_counts(jobs: Tickover) -> None:
    from tickover.aws import events

    records = [message(Note(reason="nudge", hops=hops).body) for hops in (3, 9, 0)]
    assert events.read({"Records": records}).note.hops == 9


def test_a_clock_that_is_set_back_promises_no_time_that_was_not_there_before() -> None:
    class Context:
        """What Lambda's own does: its deadline less this machine's wall clock."""

        def __init__(self, left: float) -> None:
            self.left = left

        def get_remaining_time_in_millis(self) -> int:
            return int(1000 * self.left)

    assert budget_of(Context(300)).seconds == 300
    assert budget_of(Context(299.5)).seconds == 299.5
    assert budget_of(Context(3900)).seconds == 300.5, "an hour more than ever before: the clock was set back"
    assert budget_of(Context(10)).seconds == 10
    assert budget_of(Context(0)).seconds == 0.05


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(("delay", "kept"), [(None, False), (3600, False), (30, True)])
def test_a_quiet_tick_leaves_no_connection_unless_work_comes_soon(
    jobs: Tickover, delay: float | None, kept: bool
) -> None:
    jobs.enqueue("work")
    if delay is not None:
        jobs.enqueue("work", delay=delay)
    tick_handler(jobs)({}, context())
    assert (jobs._core.database._kept is not None) == kept  # type: ignore[attr-defined]  # the one that a process keeps


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_web_function_answers_http_and_refuses_a_wake_with_a_sentence(jobs: Tickover) -> None:
    request = {
        "version": "2.0", "rawPath": "/tick", "rawQueryString": "", "headers": {"authorization": f"Bearer {TOKEN}"},
        "requestContext": {"http": {"method": "POST", "path": "/tick", "sourceIp": "127.0.0.1"}},
        "isBase64Encoded": False,
    }  # fmt: skip
    with loop_of_its_own():
        web = web_handler(jobs)
        assert web(request, context())["statusCode"] == 200
    with pytest.raises(InvalidArgument, match="A wake goes to the tick function"):
        web({"tickover": {"reason": "nudge"}}, context())


def test_migrations_scheduler_and_reaper_say_what_they_did(jobs: Tickover) -> None:
    assert migrate_handler(jobs)({}, context()) == {"version": HEAD}
    assert scheduler_handler(jobs)({}, context())["fired"] == 0
    assert reaper_handler(jobs)({}, context())["reaped"] == 0


def test_a_tick_on_lambda_knows_what_it_cost_at_least(jobs: Tickover) -> None:
    jobs.enqueue("work")
    report = tick_handler(jobs)({}, context())
    (view,) = jobs.ticks()

    memory, second = int(context().memory_limit_in_mb) / 1024, PER_GB_SECOND[os.uname().machine]
    seconds = math.ceil(report["seconds"] * 1000) / 1000
    assert view.cost == report["cost"] == pytest.approx(PER_REQUEST + memory * second * seconds)
    assert view.cold
    assert view.memory_mb


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_price_of_your_own_takes_the_place_of_the_list(migrated_url: str) -> None:
    with Tickover(migrated_url, settings=Settings(gb_second_price=0)) as jobs:
        jobs.enqueue("nobody-knows-it", remote=True)
        jobs.job("nobody-knows-it")(lambda: None)
        assert tick_handler(jobs)({}, context())["cost"] == PER_REQUEST
    with pytest.raises(ConfigurationError, match="gb_second_price must be US dollars, such as"):
        Settings(gb_second_price=20.0)


def test_where_nobody_charges_by_the_second_a_tick_has_no_cost(jobs: Tickover) -> None:
    jobs.enqueue("work")
    assert jobs.tick(5).cost is None
    assert jobs.ticks()[0].cost is None


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_the_example_of_a_producer_enqueues_and_wakes_a_tick_once(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    clients._made.clear()
    with Platform() as platform:
        platform.add(Function(name="tick", handler=lambda event, _context: seen.append(event)))
        monkeypatch.setenv("AWS_ENDPOINT_URL", platform.endpoint)
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
        ):
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TICKOVER_DATABASE_URL", migrated_url)
        monkeypatch.setenv("TICKOVER_WAKE_FUNCTION", "tick")
        producer = runpy.run_path(str(EXAMPLE))
        first = producer["handler"]({"to": "ann@example.com", "key": "order-7"}, context())
        producer["handler"]({"to": "ben@example.com"}, context())
        assert platform.wait(lambda: seen)
        platform.wait(lambda: len(seen) > 1, seconds=0.3)
        job = producer["jobs"].get(first["job_id"])
        producer["jobs"].close()
    clients._made.clear()

    assert [event["tickover"]["reason"] for event in seen] == ["nudge"]
    assert (job.kind, job.payload, job.unique_key) == ("send-email", {"to": "ann@example.com"}, "order-7")
