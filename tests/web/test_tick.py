"""`/tick`: who may call it, and what it does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import threading
from typing import Any

import pytest
import uvicorn

from tests.web.conftest import SECRET, TICK, Client
from tickover import Settings, Tickover, errors
from tickover.app.http_waker import HttpWaker
from tickover.clock import SystemClock
from tickover.engine.wake import Note, WakeFailed
from tickover.testing import in_memory
from tickover.web import create_web, create_webhooks
from tickover.web.signature import Verifier

BEARER = {"Authorization": f"Bearer {TICK}"}


def signed(
    body: bytes = b"", *, secret: str = SECRET, message: str = "msg_1", at: int, version: str = "v1"
) -> dict[str, str]:
    """The headers of Standard Webhooks, made as its specification says."""
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    made = base64.b64encode(hmac.new(key, f"{message}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": f"{version},{made}"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_tick_runs_what_is_due_and_answers_with_its_report(hooks: Client, jobs: Tickover, method: str) -> None:
    job_id = jobs.enqueue("greet", "Ann")
    answer = hooks.request(method, "/tick", headers=BEARER)
    assert answer.status_code == 200
    report = answer.json()
    assert (report["completed"], report["trigger"], report["more"]) == (1, "http", False)
    assert jobs.get(job_id).state == "completed"


def test_only_a_part_of_it(hooks: Client, jobs: Tickover) -> None:
    job_id = jobs.enqueue("greet", "Ann")
    for part in ("reaper", "scheduler"):
        assert hooks.get("/tick", params={"only": part}, headers=BEARER).status_code == 200
    assert jobs.get(job_id).state == "pending"
    assert hooks.get("/tick", params={"only": "jobs"}, headers=BEARER).json()["completed"] == 1


@pytest.mark.parametrize(
    "query", ["only=everything", "seconds=0", "seconds=901", "seconds=nan", "seconds=inf", "seconds=-1"]
)
def test_what_it_is_asked_is_bounded(hooks: Client, query: str) -> None:
    assert hooks.get(f"/tick?{query}", headers=BEARER).status_code == 422


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_it_ends_within_the_seconds_it_is_given(hooks: Client, jobs: Tickover) -> None:
    release = threading.Event()

    @jobs.job
    def slow() -> None:
        release.wait(30)

    slow.enqueue()
    try:
        report = hooks.get("/tick?seconds=0.5", headers=BEARER).json()
    finally:
        release.set()
    assert (report["stopped_because"], report["yielded"]) == ("deadline", 1)
    assert report["seconds"] < 5


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TICK}"}, {"webhook-signature": "v1,x"}],
)
def test_nobody_else_may(hooks: Client, jobs: Tickover, headers: dict[str, str]) -> None:
    job_id = jobs.enqueue("greet", "Ann")
    answer = hooks.post("/tick", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:tickover:unauthorized")
    assert TICK not in answer.text
    assert jobs.get(job_id).state == "pending"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_where_nothing_is_configured_it_is_closed(migrated_url: str) -> None:
    with Tickover(migrated_url, settings=Settings()) as jobs:
        answer = Client(create_webhooks(jobs)).post("/tick", headers={"Authorization": "Bearer "})
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:tickover:closed")
        assert "TICKOVER_TICK_TOKEN" in answer.json()["detail"]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_an_old_token_is_good_until_it_is_taken_from_the_list(migrated_url: str) -> None:
    with Tickover(migrated_url, settings=Settings(tick_token="new-token, old-token")) as jobs:
        client = Client(create_webhooks(jobs))
        for token, status in (("new-token", 200), ("old-token", 200), ("new-token, old-token", 401), ("", 401)):
            assert client.get("/tick", headers={"Authorization": f"Bearer {token}"}).status_code == status


# --- signatures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [SECRET, "old-secret"])
def test_a_signed_request_ticks_once(jobs: Tickover, secret: str) -> None:
    with in_memory(jobs) as kit:
        client, body = Client(create_webhooks(jobs)), b'{"reason": "nudge"}'
        at = int(kit.clock.now().timestamp())
        headers = signed(body, secret=secret, at=at)
        assert client.post("/tick", content=body, headers=headers).status_code == 200
        answer = client.post("/tick", content=body, headers=headers)
        assert (answer.status_code, answer.json()["detail"]) == (
            401,
            "This request is not accepted: webhook-id was used already.",
        )
        again = signed(body, secret=secret, at=at, message="msg_2")
        assert client.post("/tick", content=body, headers=again).status_code == 200


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"secret": "another"}, "does not fit"),
        ({"version": "v2"}, "does not fit"),
        ({"body": b"other"}, "does not fit"),
        ({"late": 301}, "not within 300 s"),
        ({"late": -302}, "not within 300 s"),
    ],
)
def test_what_is_not_signed_as_it_should_be_is_refused(jobs: Tickover, change: dict[str, Any], why: str) -> None:
    with in_memory(jobs) as kit:
        at = int(kit.clock.now().timestamp()) - change.pop("late", 0)
        headers = signed(change.pop("body", b"{}"), at=at, **change)
        answer = Client(create_webhooks(jobs)).post("/tick", content=b"{}", headers=headers)
        assert answer.status_code == 401
        assert why in answer.json()["detail"]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_request_stays_refused_for_as_long_as_its_timestamp_is_good(jobs: Tickover) -> None:
    with in_memory(jobs) as kit:
        client = Client(create_webhooks(jobs))

        def said() -> str:
            answer = client.post("/tick", headers=headers)
            return "" if answer.status_code == 200 else str(answer.json()["detail"])

        headers = signed(at=int(kit.clock.now().timestamp()) + 299)  # a sender's clock that is ahead
        assert said() == ""
        kit.clock.advance(seconds=597)
        assert "used already" in said()
        kit.clock.advance(seconds=5)
        assert "not within" in said()


def test_a_request_that_came_to_another_process_is_refused_here(migrated_url: str) -> None:
    headers = signed(at=int(SystemClock().now().timestamp()))
    settings = Settings(secret=SECRET)
    with Tickover(migrated_url, settings=settings) as one, Tickover(migrated_url, settings=settings) as other:
        answers = [Client(create_webhooks(jobs)).post("/tick", headers=headers) for jobs in (one, other, one)]
        assert [answer.status_code for answer in answers] == [200, 401, 401]
        assert "used already" in answers[1].json()["detail"]


def test_of_many_that_bring_the_same_request_at_once_one_ticks(migrated_url: str) -> None:
    headers = signed(at=int(SystemClock().now().timestamp()))
    with Tickover(migrated_url, settings=Settings(secret=SECRET)) as jobs:
        app, start, found = create_webhooks(jobs), threading.Barrier(8), []

        def bring() -> None:
            start.wait(30)
            found.append(Client(app).post("/tick", headers=headers).status_code)

        threads = [threading.Thread(target=bring) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(found) == [200] + [401] * 7


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-id": "m", "webhook-timestamp": "now", "webhook-signature": "v1,x"},
        {"webhook-id": "m", "webhook-timestamp": "-5", "webhook-signature": "v1,x"},
        {"webhook-id": "m", "webhook-timestamp": "9" * 400, "webhook-signature": "v1,x"},
        {"webhook-id": "m", "webhook-timestamp": "²", "webhook-signature": "v1,x"},
        {"webhook-id": "m\udcff", "webhook-timestamp": "0", "webhook-signature": "v1,\udcff v1, v1,===="},
    ],
)
def test_garbage_is_no_signature(dialect: str, headers: dict[str, str]) -> None:
    assert Verifier(SECRET, now=lambda: 0.0).refusal(headers, b"") is not None


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_example_of_the_specification_is_accepted(dialect: str) -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,garbage v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert Verifier(SECRET, now=lambda: 1614265330.0).refusal(headers, b'{"test": 2432232314}') is None


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_secret_that_cannot_be_read_is_refused_at_once(migrated_url: str) -> None:
    with (
        Tickover(migrated_url, settings=Settings(secret="whsec_not base64!")) as jobs,
        pytest.raises(errors.ConfigurationError, match="base64"),
    ):
        create_webhooks(jobs)


# --- side by side ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_no_more_ticks_run_at_once_than_max_ticks(migrated_url: str) -> None:
    started, release = threading.Event(), threading.Event()
    with Tickover(migrated_url, settings=Settings(tick_token=TICK, max_ticks=1)) as jobs:

        @jobs.job
        def slow() -> None:
            started.set()
            release.wait(30)

        slow.enqueue()
        client = Client(create_webhooks(jobs), BEARER)
        first = threading.Thread(target=lambda: client.post("/tick"))
        first.start()
        try:
            assert started.wait(30)
            answer = client.post("/tick")
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        finally:
            release.set()
            first.join()
        assert client.post("/tick").status_code == 200


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_whole_application_has_both(jobs: Tickover) -> None:
    whole = Client(create_web(jobs), BEARER)
    assert whole.get("/tick").status_code == 200
    assert whole.get("/api/stats").status_code == 401


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("by", ["secret", "token"])
def test_an_enqueue_elsewhere_wakes_it_over_a_real_connection(jobs: Tickover, migrated_url: str, by: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_webhooks(jobs), lifespan="off", log_level="error"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/tick"
        proof: Any = {"secret": SECRET} if by == "secret" else {"token": TICK}
        with Tickover(migrated_url, waker=HttpWaker(url, **proof)) as producer:
            job_id = producer.enqueue("greet", "Ann", remote=True)
            assert producer.result(job_id, wait=60)["said"] == "Hello Ann"
        server.should_exit = True
        thread.join(10)


# --- chains ------------------------------------------------------------------------------------------------------------


class Wakes:
    """A waker that remembers what it was asked to send."""

    precision = 60.0

    def __init__(self) -> None:
        self.sent: list[Note] = []

    def wake(self, at: object) -> None: ...

    def send(self, at: object, note: Note) -> None:
        self.sent.append(note)


def test_a_chain_over_http_goes_on_counting_its_hops(migrated_url: str) -> None:
    wakes, release = Wakes(), threading.Event()
    with Tickover(migrated_url, waker=wakes, settings=Settings(tick_token=TICK)) as jobs:

        @jobs.job
        def slow() -> None:
            release.wait(30)

        jobs.enqueue_many(slow.new() for _ in range(20))  # twice the slots
        wakes.sent.clear()
        body = Note(reason="chain", hops=11, parent="018f0000-0000-7000-8000-000000000001").body
        try:
            report = Client(create_webhooks(jobs)).post("/tick?seconds=0.5", content=body, headers=BEARER).json()
        finally:
            release.set()

        assert report["more"]
        assert report["trigger"] == "chain"
        assert {(note.reason, note.hops) for note in wakes.sent} == {("chain", 12)}
        assert jobs.ticks()[0].parent == "018f0000-0000-7000-8000-000000000001"


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"not json", 200),
        (b"[" * 100_000, 200),
        (b'{"some": "cron"}', 200),
        (b'{"tickover": {"hops": -1}}', 422),
        (b'{"tickover": 7}', 422),
    ],
)
def test_only_a_wake_of_ours_has_to_be_right(hooks: Client, body: bytes, status: int) -> None:
    assert hooks.post("/tick", content=body, headers=BEARER).status_code == status


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_chain_that_is_too_long_is_left_to_the_timer(dialect: str) -> None:
    waker = HttpWaker("http://127.0.0.1:9/tick", hops=12)
    with pytest.raises(WakeFailed, match="13 ticks have woken one another; the next one is left to the timer"):
        waker.send(None, Note(reason="chain", hops=13))
    with pytest.raises(WakeFailed, match="no tick at"):  # it was sent, and nobody is there
        waker.send(None, Note(reason="chain", hops=12))
