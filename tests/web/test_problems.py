"""Every error is a problem document, and garbage is the sender's fault."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.web.conftest import TOKENS, Client
from tickover import Tickover, errors
from tickover.domain.ids import new_id
from tickover.web import bearer_tokens, create_api
from tickover.web.problems import status_of
from tickover.web.shield import CONTENT_SECURITY_POLICY, Shield


def check(answer: Any, status: int, kind: str) -> dict[str, Any]:
    """A problem of this status and type; returned for more."""
    said: dict[str, Any] = answer.json()
    assert (answer.status_code, said["status"], said["type"]) == (status, status, f"urn:tickover:{kind}"), said
    assert answer.headers["content-type"] == "application/problem+json"
    assert said["title"]
    assert said["detail"]
    return said


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_every_error_of_the_tree_is_4xx_but_those_that_only_an_operator_mends(dialect: str) -> None:
    unavailable = {errors.StorageUnavailable, errors.MigrationRequired, errors.ConfigurationError}
    for name in errors.__all__:
        cls = getattr(errors, name)
        error = cls.__new__(cls)
        assert status_of(error) == 503 if cls in unavailable else 400 <= status_of(error) < 500, name


def test_the_refusals_of_the_python_api(admin: Client, jobs: Tickover) -> None:
    check(admin.get(f"/jobs/{new_id()}"), 404, "job-not-found")
    check(admin.get("/jobs/not-an-id"), 422, "invalid-argument")
    said = check(admin.post("/jobs", json={"kind": "gret", "payload": "Ann"}), 422, "handler-not-found")
    assert "Did you mean 'greet'?" in said["detail"]
    said = check(admin.post("/jobs", json={"kind": "greet", "payload": 7}), 422, "payload-error")
    assert said["path"] == "$"
    holder = jobs.enqueue("greet", "Ann", unique="k")
    said = check(admin.post("/jobs", json={"kind": "greet", "payload": "Ann", "unique": "k"}), 409, "duplicate-job")
    assert said["job_id"] == holder
    check(admin.post(f"/jobs/{holder}/resume"), 409, "invalid-transition")
    check(admin.post("/queues/emails/resume"), 409, "invalid-transition")
    check(admin.get("/jobs", params={"state": "sleeping"}), 422, "invalid-argument")


def test_what_http_itself_refuses(admin: Client) -> None:
    check(admin.get("/nothing/here"), 404, "not-found")
    answer = admin.request("DELETE", "/jobs")
    check(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]
    check(admin.post("/jobs", content=b"{", headers={"Content-Type": "application/json"}), 400, "unreadable-request")
    said = check(admin.post("/jobs", json={"kind": "greet", "paylod": "Ann"}), 422, "invalid-request")
    assert said["errors"] == [{"where": "body.paylod", "said": "Extra inputs are not permitted"}]
    check(admin.get("/jobs", params={"limit": 0}), 422, "invalid-request")
    check(admin.get("/events", params={"after": 2**63}), 422, "invalid-request")


NUL, SURROGATE = "a\0b", "\ud800"
GARBAGE: list[dict[str, Any]] = [
    {"content": b""},
    {"content": b"null"},
    {"content": b"[]"},
    {"content": b"\xff\xfe\x00"},
    {"content": b"[" * 5000},
    {"content": b'{"kind": "greet", "payload": ' + b"[" * 900 + b"]" * 900 + b"}"},
    {"content": b'{"kind": "greet", "payload": NaN}'},
    {"content": b'{"kind": "greet", "payload": 1e999}'},
    {"content": b'{"kind": "greet", "payload": ' + b"9" * 5000 + b"}"},
    {"content": b'{"kind": "elsewhere", "remote": true, "payload": ' + b"9" * 400 + b"}"},
    {"content": b'{"kind": "greet", "payload": "Ann", "delay": NaN}'},
    {"content": b'{"kind": "greet", "payload": "Ann", "delay": 1e308}'},
    {"json": {"kind": "greet", "payload": NUL}},
    {"content": b'{"kind": "greet", "payload": "\\ud800"}'},
    {"content": b'{"kind": "greet", "payload": "Ann", "unique": "\\ud800"}'},
    {"content": b'{"kind": "greet", "payload": "Ann", "tenant": "\\u0000"}'},
    {"content": b'{"kind": "greet", "payload": "Ann", "meta": {"\\ud800": 1}}'},
    {"json": {"kind": "greet", "payload": "Ann", "priority": 2**40}},
    {"json": {"kind": "greet", "payload": "Ann", "at": "2090-01-01T00:00:00"}},
    {"json": {"kind": "greet", "payload": "Ann", "at": "9999-12-31T23:59:59-23:00"}},
    {"json": {"kind": "greet", "payload": "Ann", "at": "0001-01-01T00:00:00+23:00"}},
    {"json": {"kind": "greet", "payload": "Ann", "delay": 1, "at": "2090-01-01T00:00:00Z"}},
    {"json": {"kind": "greet", "payload": "Ann", "idempotency_ttl": 5}},
    {"json": {"kind": "greet", "payload": "Ann", "unique": ""}},
    {"json": {"kind": "", "payload": "Ann"}},
]


def test_garbage_is_refused_and_writes_nothing(admin: Client, jobs: Tickover) -> None:
    for sent in GARBAGE:
        answer = admin.post("/jobs", **sent, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, (repr(sent)[:80], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert jobs.find() == [], repr(sent)[:80]


TEXTS = [NUL, "%", "'", "\\", "é", "𝕏", "x" * 199, "' OR 1=1 --", "{", "[1]", "[" * 3000]


@pytest.mark.parametrize(
    "name", ["kind", "queue", "tenant", "unique", "search", "meta", "cursor", "parent", "state", "limit"]
)
def test_garbage_in_a_query_is_no_fault_of_ours(admin: Client, name: str) -> None:
    for text in TEXTS:
        answer = admin.get("/jobs", params={name: text})
        assert answer.status_code in (200, 422), (text, answer.text)


@pytest.mark.parametrize("path", ["/jobs/{}", "/queues/{}/resume", "/jobs/{}/cancel"])
def test_garbage_in_a_path_is_no_fault_of_ours(admin: Client, path: str) -> None:
    for text in ("%00", "..%2F..%2Fetc", "%ff", "x" * 300, "%F0%9F%98%80"):
        answer = admin.request("GET" if path.count("/") == 2 else "POST", path.format(text))
        assert answer.status_code in (404, 405, 409, 422), (text, answer.text)


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("told", [True, False], ids=["with a length", "without"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(admin: Client, told: bool) -> None:
    async def body() -> Any:
        for _ in range(20):
            yield b" " * 100_000

    check(admin.post("/jobs", content=b" " * 2_000_000 if told else body()), 413, "too-large")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_request_that_breaks_off_in_the_middle_does_nothing(dialect: str) -> None:
    came: list[Message] = [{"type": "http.request", "body": b"12", "more_body": True}, {"type": "http.disconnect"}]
    reached: list[Message] = []
    sent: list[Message] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(await receive())

    async def receive() -> Message:
        return came.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Shield(inner)({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send))
    assert (reached, sent) == ([], [])


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_database_that_is_not_there_is_503(dialect: str) -> None:
    jobs = Tickover("postgresql://nobody@127.0.0.1:1/nowhere")
    client = Client(
        create_api(jobs, auth=bearer_tokens({TOKENS["admin"]: "admin"})), {"Authorization": f"Bearer {TOKENS['admin']}"}
    )
    check(client.get("/stats"), 503, "storage-unavailable")
    check(client.post("/jobs", json={"kind": "x", "remote": True}), 503, "storage-unavailable")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_tables_that_are_not_there_are_503(database_url: str) -> None:
    with Tickover(database_url) as jobs:
        api = create_api(jobs, auth=bearer_tokens({TOKENS["admin"]: "admin"}))
        said = check(
            Client(api, {"Authorization": f"Bearer {TOKENS['admin']}"}).get("/stats"), 503, "migration-required"
        )
        assert "tickover migrate" in said["detail"]


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("path", ["/stats", "/nothing", "/jobs/x"])
def test_every_answer_carries_the_security_headers(admin: Client, path: str) -> None:
    headers = admin.get(path).headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert (headers["x-content-type-options"], headers["referrer-policy"], headers["cache-control"]) == (
        "nosniff", "no-referrer", "no-store"
    )  # fmt: skip


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_api_describes_itself(admin: Client) -> None:
    schema = admin.get("/openapi.json").json()
    assert schema["info"]["title"] == "Tickover"
    operations = [operation for methods in schema["paths"].values() for operation in methods.values()]
    assert all(operation["description"] for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["security"], operation["operationId"]
        for status, response in operation["responses"].items():
            if not re.match("2", status):
                assert list(response["content"]) == ["application/problem+json"], (operation["operationId"], status)
