"""Whatever somebody can name, write or raise is text on every page: never markup, never an address that runs."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.raw import Raw
from tests.web.browsing import Person
from tickover import Context, NewJob, Tickover, every
from tickover.app.audit import Note, write_note

#: Each breaks out of another context: text, attributes of both quotes, scripts, styles, comments, addresses, templates.
CORPUS = [
    "<script>hurt()</script>",
    "<img src=x onerror=hurt()>",
    '"><svg onload=hurt()>',
    "' onfocus=hurt() autofocus x='",
    "</textarea></title></script><script>hurt()</script>",
    "javascript:hurt()",
    "--><iframe srcdoc='<script>hurt()</script>'>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;script&gt;hurt()&lt;/script&gt;",
    "x\u2028<style>*{background:url(//hurt)}</style>",
    "<a href='javascript:hurt()'>x</a><base href=//hurt>",
    "<form action=//hurt><button>x",
]


class Looked(HTMLParser):
    """What a browser would make of a page: tags and attributes that are none of ours, and the text that it shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.shown: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("iframe", "img", "style", "base", "object", "embed", "link", "meta") and not self._ours(tag, given):
            self.wrong.append(f"<{tag}>")
        if tag == "script" and not given.get("src", "").startswith("/static/"):
            self.wrong.append("<script>")
        self.wrong += [
            f"{tag} {name}" for name in given if name.startswith("on") or name in ("style", "srcdoc", "autofocus")
        ]
        for name in ("href", "src", "action", "formaction"):
            if name in given and not given[name].startswith(("/", "#")):
                self.wrong.append(f"{tag} {name}={given[name]}")
        self.shown += given.values()

    def handle_data(self, data: str) -> None:
        self.shown.append(data)

    @staticmethod
    def _ours(tag: str, given: dict[str, str]) -> bool:
        return (
            (tag == "link" and given.get("href", "").startswith("/static/"))
            or (tag == "meta" and "name" in given)
            or "charset" in given
        )


def check(text: str, *needed: str) -> None:
    found = Looked(text)
    assert found.wrong == []
    shown = "\n".join(found.shown)
    for one in needed:
        assert one in shown, f"{one!r} is not shown as it is"


@pytest.fixture
def ann(jobs: Tickover) -> Person:
    return Person(jobs)


@pytest.mark.parametrize("evil", CORPUS)
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_it_is_text_wherever_it_comes_from(ann: Person, jobs: Tickover, migrated_url: str, evil: str) -> None:
    names: list[Any] = [
        NewJob("greet", evil, tenant=evil, unique=evil, meta={evil: evil}, delay=600),
        NewJob("fail", evil, tenant=evil),
    ]
    jobs.enqueue_many(names)

    @jobs.job
    def walk(ctx: Context, word: str) -> str:
        ctx.progress(0.5, word)
        ctx.step("first", lambda: word)
        ctx.wait_for_signal("go", returns=str)
        return word

    waiting = jobs.enqueue("walk", evil)
    jobs.drain(5)
    jobs.signal(waiting, "go", {evil: evil})
    jobs.pause_queue("slow", evil)
    jobs.schedule("walk", every(minutes=5), evil, name="hourly")
    jobs._core.do(
        lambda store: write_note(
            store, Note(who=evil, role="view", address=evil, action=evil, target=evil, reason=evil, result=evil)
        )
    )
    dead = jobs.find(state="failed")[0].id
    with Raw(migrated_url) as raw:  # names that our code refuses; other code may write to the tables
        raw.rows("UPDATE jobs SET kind = :e, queue = :e, wait_ref = :e WHERE id IN (:a, :b)", e=evil, a=dead, b=waiting)
        raw.rows("UPDATE events SET kind = :e, queue = :e", e=evil)
        raw.rows("UPDATE job_data SET error_kind = :e, error = :e WHERE job_id = :a", e=evil, a=dead)
        raw.rows(
            "UPDATE checkpoints SET step_key = :e, value = :v WHERE job_id = :b AND kind = 'step'",
            e=evil,
            v=json.dumps(evil),
            b=waiting,
        )
        raw.rows("INSERT INTO queues (name, paused_at, paused_by, reason) VALUES (:e, 0, :e, :e)", e=evil)

    word = quote(evil, safe="")
    check(ann.get("/").text, evil)
    check(ann.get("/jobs").text, evil)
    check(ann.get("/dead").text, evil)
    check(ann.get("/queues").text, evil)
    for path in ("/ticks", "/leases", "/schedules", "/workflows", f"/queues?queue={quote(evil, safe='')}"):
        check(ann.get(path).text)
    check(ann.get("/audit").text, evil)
    check(ann.get(f"/jobs/{dead}").text, evil)
    check(ann.get(f"/jobs/{waiting}").text, evil)
    check(ann.get(f"/jobs?kind={word}&queue={word}&tenant={word}&search={word}&state=failed").text, evil)
    check(ann.get(f"/jobs?state={word}").text)
    check(ann.get(f"/audit?who={word}&action={word}&target={word}").text, evil)
    check(ann.get(f"/{word}").text)
    check(ann.get(f"/jobs/{word}").text)
    check(ann.get(f"/act/retry?job={dead}").text, evil)
    check(ann.get(f"/act/signal?job={waiting}").text, evil)
    check(ann.get(f"/act/cancel?kind={word}&state=waiting").text)
    check(ann.get(f"/act/enqueue?kind={word}").text, evil)
    check(ann.get(f"/act/pause-queue?queue={word}").text, evil)
    check(ann.get(f"/act/run-schedule?name={word}").text)
    check(ann.get(f"/act/purge?queue={word}&state={word}&kind={word}&days={word}").text)
    check(ann.get(f"/login?next={word}").text)
    sent = ann.send(
        "/act/enqueue", reason=evil, kind=evil, payload=json.dumps(evil), queue=evil, tenant=evil, unique=evil
    )
    assert sent.status_code == 422
    check(sent.text, evil)
    check(ann.send(f"/act/signal?job={waiting}", name=evil, payload=evil).text, evil)
    done = ann.send("/act/enqueue", reason=evil, kind="greet", payload=json.dumps(evil), tenant=evil, unique=f"{evil}2")
    check(ann.follow(done), evil)
    check(ann.send(f"/act/reveal?job={dead}", reason=evil).text, evil)
    check(ann.get("/audit").text, evil)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_check_can_fail(dialect: str) -> None:
    for evil in CORPUS[:5]:
        assert Looked(f"<p title=\"{evil}\" lang='{evil}'>{evil}</p>").wrong, evil
