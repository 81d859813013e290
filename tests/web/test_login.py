"""People log in: with a password, for a while, from few places at a time, and never to somebody else's page."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI

from tests.web.browsing import Form
from tests.web.conftest import TOKENS, Client
from tickover import Tickover
from tickover.errors import StorageUnavailable
from tickover.web import Person, any_of, bearer_tokens, create_web, hash_password, password_login
from tickover.web.attempts import REFUSED
from tickover.web.sessions import COOKIE
from tickover_ui import create_dashboard

WORD = "correct horse battery"
HASH = hash_password(WORD)
SECRET = "a-secret-of-our-own"
HTML = {"Accept": "text/html"}


@pytest.fixture
def app(jobs: Tickover) -> FastAPI:
    people = {"ann": Person(role="operate", password=HASH), "bob": Person(role="view", password=HASH)}
    return create_dashboard(
        jobs, auth=any_of(password_login(people, secret=SECRET), bearer_tokens({TOKENS["admin"]: "admin"}))
    )


class Browser:
    """Keeps the cookie that it is given."""

    def __init__(self, app: FastAPI, peer: str = "192.0.2.7", host: str = "127.0.0.1:8000") -> None:
        self.client = Client(app, {**HTML, "Host": host}, peer=peer)
        self.cookie = ""
        self.set: Any = None

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path, headers={"Cookie": self.cookie})

    def post(self, path: str, **fields: str) -> httpx.Response:
        answer = self.client.post(path, data=fields, headers={"Cookie": self.cookie})
        if given := answer.headers.get("set-cookie"):
            self.set = SimpleCookie(given)[COOKIE]
            self.cookie = f"{COOKIE}={self.set.value}"
        return answer

    def log_in(self, name: str = "ann", password: str = WORD, at: str = "/login") -> httpx.Response:
        fields = Form(self.get(at).text, "/login").fields
        return self.post("/login", **{**fields, "name": name, "password": password})


@pytest.fixture
def browser(app: FastAPI) -> Browser:
    return Browser(app)


def log(app: FastAPI) -> list[tuple[str, str, str]]:
    notes = Client(app, {"Authorization": f"Bearer {TOKENS['admin']}"}).get("/api/audit").json()["notes"]
    return [(note["action"], note["who"], note["target"]) for note in notes]


def test_whoever_comes_is_asked_and_then_sees_what_they_wanted(browser: Browser) -> None:
    asked = browser.get("/jobs?state=failed")
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Fjobs%3Fstate%3Dfailed")
    answer = browser.log_in(at=asked.headers["location"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs?state=failed")
    text = browser.get("/jobs?state=failed").text
    assert "ann" in text
    assert "Log out" in text


def test_programs_are_told_and_not_sent_to_a_form(app: FastAPI) -> None:
    for headers in ({"Accept": "application/json"}, {}, {**HTML, "X-Live": "1"}):
        assert Client(app, headers).get("/jobs").status_code == 401
    assert Client(app, HTML).get("/api/jobs").status_code == 401
    assert Client(app, HTML).post("/logout").status_code == 401


def test_the_cookie_is_for_this_server_alone_and_for_no_script(browser: Browser) -> None:
    browser.log_in()
    assert (browser.set["httponly"], browser.set["samesite"], browser.set["path"]) == (True, "lax", "/")
    assert browser.set["max-age"] == str(12 * 3600)
    assert not browser.set["secure"], "a browser on the very machine needs no TLS"
    assert WORD not in browser.cookie
    assert HASH not in browser.cookie


def test_by_any_other_name_the_cookie_needs_tls(app: FastAPI) -> None:
    browser = Browser(app, host="jobs.example")
    browser.log_in()
    assert browser.set["secure"]


def test_the_role_counts_in_the_pages_and_in_the_api(browser: Browser, jobs: Tickover) -> None:
    browser.log_in("bob")
    job_id = jobs.enqueue("greet", "Ann", delay=600)
    assert browser.get(f"/jobs/{job_id}").status_code == 200
    assert browser.get("/api/stats").status_code == 200
    assert browser.get(f"/act/cancel?job={job_id}").status_code == 403
    assert browser.post(f"/api/jobs/{job_id}/cancel").status_code == 403


def test_logging_out_takes_a_form_of_ours_and_ends_it_here(browser: Browser) -> None:
    browser.log_in()
    assert browser.post("/logout", csrf="").status_code == 403
    assert browser.get("/").status_code == 200
    csrf = Form(browser.get("/").text, "/logout").fields["csrf"]
    assert browser.post("/logout", csrf=csrf).headers["location"] == "/login"
    assert browser.cookie == f"{COOKIE}="
    assert browser.get("/").status_code == 303


def test_a_form_of_one_log_in_is_none_of_another(browser: Browser, app: FastAPI) -> None:
    browser.log_in()
    old = Form(browser.get("/").text, "/logout").fields["csrf"]
    browser.log_in()
    assert browser.post("/logout", csrf=old).status_code == 403


def test_a_wrong_password_is_refused_in_the_same_words_as_a_name_that_nobody_has(
    browser: Browser, app: FastAPI
) -> None:
    answers = [browser.log_in("ann", "wrong"), browser.log_in("eve", "wrong"), browser.log_in("ann", "")]
    assert {answer.status_code for answer in answers} == {403}
    assert len({re.findall(r'role="alert">([^<]+)', answer.text)[0] for answer in answers}) == 1
    assert not browser.cookie
    assert log(app) == [(REFUSED, "nobody", "ann"), (REFUSED, "nobody", "eve"), (REFUSED, "nobody", "ann")]
    browser.log_in()
    assert log(app)[0] == ("Log in", "ann", "ann")


def test_who_tries_too_often_waits_also_in_another_process(browser: Browser, app: FastAPI, jobs: Tickover) -> None:
    for n in range(10):
        assert browser.log_in(f"name{n}", "wrong").status_code == 403
    refused = browser.log_in()
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "900")
    assert not browser.cookie
    auth = password_login({"ann": Person(role="view", password=HASH)}, secret=SECRET)
    assert Browser(create_dashboard(jobs, auth=auth)).log_in().status_code == 429, "counted in the database"
    assert Browser(app, peer="192.0.2.8").log_in().status_code == 303, "others are not kept out"
    assert len([one for one in log(app) if one[0] == REFUSED]) == 10, "what is not tried fills no log"


def test_one_name_from_many_places_has_a_limit_too(app: FastAPI, jobs: Tickover) -> None:
    from tickover.app.audit import Note, write_note

    for n in range(50):
        note = Note(who="nobody", address=f"198.51.100.{n}", action=REFUSED, target="ann")
        jobs._core.do(lambda store, note=note: write_note(store, note))  # type: ignore[misc]  # bound at once
    assert Browser(app).log_in("ann").status_code == 429
    assert Browser(app).log_in("bob").status_code == 303


@pytest.mark.parametrize("csrf", ["", "x"])
def test_a_log_in_that_another_site_sends_is_none(browser: Browser, app: FastAPI, csrf: str) -> None:
    assert browser.post("/login", name="ann", password=WORD, csrf=csrf).status_code == 403
    ours = Form(browser.get("/login").text, "/login").fields
    answer = browser.client.post(
        "/login", data={**ours, "name": "ann", "password": WORD}, headers={"Origin": "http://evil.example"}
    )
    assert answer.status_code == 403
    assert log(app) == []


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "//[",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "evil",
        "/\t/evil.example",
        "/\n/x",
        "",
    ],
)
def test_nobody_is_sent_elsewhere(browser: Browser, elsewhere: str) -> None:
    fields = Form(browser.get(f"/login?{urlencode({'next': elsewhere})}").text, "/login").fields
    assert fields["next"] == "/"
    answer = browser.post("/login", **{**fields, "name": "ann", "password": WORD, "next": elsewhere})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_nobody_is_told_where_the_database_is(
    browser: Browser, jobs: Tickover, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_args: Any) -> None:
        raise StorageUnavailable("no connection to 10.0.0.7 as tickover")

    monkeypatch.setattr(jobs._core, "do", away)
    answer = browser.log_in()
    assert answer.status_code == 503
    assert "10.0.0.7" not in answer.text
    assert "10.0.0.7" in caplog.text


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_without_passwords_there_is_no_such_page(jobs: Tickover) -> None:
    app = create_dashboard(jobs, auth=bearer_tokens({TOKENS["admin"]: "admin"}))
    assert Client(app, HTML).get("/login").status_code == 404
    assert Client(app, HTML).get("/").status_code == 401


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_environment_opens_the_whole_application(jobs: Tickover, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKOVER_USERS", f"ann:view:{HASH}")
    jobs._core.settings = jobs.settings.but(secret=SECRET)
    browser = Browser(create_web(jobs))
    assert browser.log_in().status_code == 303
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_behind_a_prefix_the_cookie_stays_there(jobs: Tickover) -> None:
    auth = password_login({"ann": Person(role="view", password=HASH)}, secret=SECRET)
    browser = Browser(create_dashboard(jobs, auth=auth, base_path="/ops/"))
    assert browser.get("/jobs").headers["location"] == "/ops/login?next=%2Fjobs"
    browser.log_in()
    assert browser.set["path"] == "/ops"
    assert 'href="/ops/jobs"' in browser.get("/").text
