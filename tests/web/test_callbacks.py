"""Callbacks over HTTP: looking consumes nothing, the first answer counts, and an address cannot be made up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from tests.web.conftest import Client
from tickover import Context, Settings, Tickover
from tickover.testing import Kit, in_memory
from tickover.web import create_web

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"])


class Decision(BaseModel):
    by: str
    ok: bool


class Scene:
    """A job that waits for a decision for three days, and the address for it."""

    def __init__(self, jobs: Tickover, kit: Kit) -> None:
        self.jobs, self.kit, self.addresses = jobs, kit, list[str]()
        self.client = Client(create_web(jobs))

        @jobs.job
        def ask(ctx: Context) -> str:
            cb = ctx.callback("decision", returns=Decision, timeout=3 * 86_400)
            self.addresses.append(cb.url)
            answer = cb.wait()
            return "expired" if answer is None else f"{answer.by}: {answer.ok}"

        self.ask = ask
        self.job_id = ask.enqueue()
        kit.drain()
        assert jobs.get(self.job_id).state == "waiting"

    @property
    def path(self) -> str:
        return self.addresses[0].removeprefix("https://jobs.example")

    def result(self) -> str:
        self.kit.drain()
        return self.ask.result(self.job_id)


@pytest.fixture
def scene(migrated_url: str) -> Iterator[Scene]:
    settings = Settings(secret="a-long-secret-of-many-signs,an-older-secret-of-many", public_url="https://jobs.example")
    with Tickover(migrated_url, settings=settings) as jobs, in_memory(jobs) as kit:
        yield Scene(jobs, kit)


def test_an_answer_in_json_ends_the_wait(scene: Scene) -> None:
    answer = scene.client.post(scene.path, json={"by": "an operator", "ok": True})
    assert (answer.status_code, answer.json()) == (200, {"delivered": True, "repeated": False})
    assert scene.result() == "an operator: True"


def test_looking_at_it_consumes_nothing(scene: Scene) -> None:
    for _ in range(3):
        page = scene.client.get(f"{scene.path}?by=<b>me</b>&ok=true")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert '<form method="post">' in page.text
        assert "<b>me" not in page.text
        assert not any(word in page.text for word in ("<script", "<style", " style=", " onclick="))
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "form-action 'self'" in page.headers["content-security-policy"]
    scene.kit.drain()
    assert scene.jobs.get(scene.job_id).state == "waiting"


def test_the_button_of_the_page_sends_what_the_address_carries(scene: Scene) -> None:
    answer = scene.client.post(scene.path, data={"by": "an operator", "ok": "true", "_": ""})
    assert (answer.status_code, "Thank you" in answer.text) == (200, True)
    assert scene.result() == "an operator: True"


def test_the_same_answer_again_is_fine_and_another_is_not(scene: Scene) -> None:
    scene.client.post(scene.path, json={"by": "an operator", "ok": True})
    again = scene.client.post(scene.path, json={"ok": True, "by": "an operator"})
    assert (again.status_code, again.json()) == (200, {"delivered": True, "repeated": True})
    other = scene.client.post(scene.path, json={"by": "an operator", "ok": False})
    assert (other.status_code, other.json()["type"]) == (409, "urn:tickover:signal-error")
    assert scene.result() == "an operator: True"


def test_when_its_time_is_over_it_is_refused(scene: Scene) -> None:
    scene.kit.clock.advance(days=3, seconds=1)
    assert scene.client.get(scene.path).status_code == 410
    assert scene.client.post(scene.path, json={"by": "late", "ok": True}).status_code == 410
    assert scene.result() == "expired"


def test_an_address_that_was_changed_or_made_up_is_nobodys(scene: Scene) -> None:
    head, _, token = scene.path.rpartition("/")
    body, _, signature = token.partition(".")
    flipped = ("A" if body[5] != "A" else "B").join((body[:5], body[6:]))
    for made_up in (
        f"{flipped}.{signature}",
        body,
        f"{body}.",
        f".{signature}",
        "x",
        "é",
        "%00",
        "W1tb" * 500,
        f"{body}.{signature[:-2]}",
    ):
        for method in ("GET", "POST"):
            answer = scene.client.request(method, f"{head}/{made_up}")
            assert (answer.status_code, answer.json()["type"]) == (404, "urn:tickover:no-such-callback"), made_up
    assert scene.client.get(f"{head}/{'x' * 3000}").status_code == 422


def test_an_answer_that_cannot_be_read_or_does_not_fit_consumes_nothing(scene: Scene) -> None:
    for content in (b"{", b"\xff", b"[" * 100_000):
        assert scene.client.post(scene.path, content=content).status_code in (400, 422)
    assert scene.client.post(scene.path, content=b'"\\ud800"').status_code == 422
    assert (
        scene.client.post(
            scene.path, content=b"%zz", headers={"content-type": "application/x-www-form-urlencoded"}
        ).status_code
        == 400
    )
    assert scene.client.post(scene.path, json={"by": "an operator", "ok": True}).status_code == 200


def test_without_a_secret_there_are_no_callbacks(migrated_url: str) -> None:
    with Tickover(migrated_url, settings=Settings()) as jobs:
        assert Client(create_web(jobs)).post("/callbacks/a.b", json={}).status_code == 404


def test_an_old_secret_still_verifies(scene: Scene) -> None:
    rotated = scene.jobs.settings.but(secret=f"a-new-secret-of-many-signs,{scene.jobs.settings.secret}")
    scene.jobs._core.settings = rotated
    assert scene.client.post(scene.path, json={"by": "an operator", "ok": True}).status_code == 200
