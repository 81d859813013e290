"""The dashboard as HTML: closed until opened, bounded in what it reads, and free of whatever a strict policy forbids."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.web.conftest import TOKENS, Client
from tickover import NewJob, Tickover, errors
from tickover.domain.ids import new_id
from tickover.store.link import Link
from tickover.web import bearer_tokens, create_web, insecure_local
from tickover.web.shield import CONTENT_SECURITY_POLICY
from tickover_ui import create_dashboard
from tickover_ui.causes import pattern
from tickover_ui.words import MOST, document, duration, number

EVIL = "<script>alert(1)</script>"
PAGES = ["/", "/ticks", "/leases", "/jobs", "/workflows", "/dead", "/queues", "/schedules"]


@pytest.fixture
def ui(jobs: Tickover) -> Client:
    return Client(create_dashboard(jobs, auth=insecure_local()))


@pytest.fixture
def busy(jobs: Tickover) -> str:
    """Jobs in many states, with names, payloads and errors that would like to be markup; the id of a dead one."""
    jobs.enqueue("greet", EVIL, tenant=EVIL, meta={"x": EVIL})
    dead = jobs.enqueue("fail", EVIL)
    jobs.enqueue("login", {"user": "ann", "password": "hunter2"})
    jobs.drain(5)
    jobs.enqueue("greet", "later", delay=600, unique=EVIL)
    jobs.pause_queue("emails", EVIL)
    return dead


class Rules(HTMLParser):
    """What the Content-Security-Policy would refuse, and a few things that every page owes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.headings = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.wrong += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        self.wrong += [f"{tag} {value}" for value in given.values() if value and "javascript:" in value]
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.wrong.append(tag)
        for name in ("src", "href", "action"):
            if (given.get(name) or "").startswith(("http:", "https:", "//")):
                self.wrong.append(f"{tag} {given[name]}")
        self.headings += tag == "h1"
        if given.get("id"):
            self.ids.append(str(given["id"]))


def check(text: str) -> None:
    rules = Rules(text)
    assert rules.wrong == []
    assert rules.headings == 1
    assert len(set(rules.ids)) == len(rules.ids)
    assert EVIL not in text


def test_every_page_keeps_the_policy_and_escapes_what_it_shows(ui: Client, busy: str) -> None:
    for path in (*PAGES, f"/jobs/{busy}", "/jobs?state=failed", f"/jobs?kind={EVIL}", "/nothing", f"/jobs/{new_id()}"):
        answer = ui.get(path)
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        check(answer.text)


def test_before_the_first_job_it_says_what_to_do(ui: Client) -> None:
    answer = ui.get("/")
    assert "No jobs yet" in answer.text
    check(answer.text)
    for path in PAGES:
        assert ui.get(path).status_code == 200


def test_the_first_page_says_what_needs_somebody(ui: Client, busy: str) -> None:
    text = ui.get("/").text
    assert "1 dead letter<" in text
    assert "Queue emails is paused" in text
    assert "Nothing needs you" not in text


def test_when_all_is_well_it_says_so(ui: Client, jobs: Tickover) -> None:
    jobs.enqueue("greet", "Ann")
    jobs.drain(5)
    assert "Nothing needs you" in ui.get("/").text


def test_the_list_is_filtered_by_its_address(ui: Client, busy: str) -> None:
    text = ui.get("/jobs?state=failed").text
    assert busy in text
    assert text.count('class="jname"') == 1
    assert 'aria-current="true"' in text
    assert "Say a kind too" in ui.get("/jobs?search=ann").text
    assert ui.get("/jobs?search=ann&kind=login").text.count('class="jname"') == 1
    assert "is not a state" in ui.get("/jobs?state=sleeping").text


def test_the_list_has_pages(ui: Client, jobs: Tickover) -> None:
    ids = jobs.enqueue_many([_new(n) for n in range(60)])
    first = ui.get("/jobs").text
    older = re.search(r'rel="next"[^>]* href="([^"]+)"', first)
    assert older
    second = ui.get(older[1].replace("&amp;", "&")).text
    assert {one for one in ids if one in first} | {one for one in ids if one in second} == set(ids)
    assert 'rel="next"' not in second


def _new(n: int) -> NewJob[Any]:
    return NewJob("greet", f"p{n}")


def test_a_job_shows_its_payload_without_secrets(ui: Client, jobs: Tickover, busy: str) -> None:
    (login,) = jobs.find(kind="login")
    text = ui.get(f"/jobs/{login.id}").text
    assert "[redacted]" in text
    assert "hunter2" not in text


def test_dead_letters_are_grouped_by_what_killed_them(ui: Client, jobs: Tickover) -> None:
    for n in range(3):
        jobs.enqueue("fail", f"no reply from 10.0.0.{n} in {n} s")
    jobs.enqueue("fail", "no paper")
    jobs.drain(5)
    text = ui.get("/dead").text
    assert "4 jobs, 2 causes" in text
    cause = re.findall(r'href="(/dead\?cause=\w+)"', text)
    assert len(set(cause)) == 2
    for one in cause:
        assert ui.get(one).status_code == 200


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("no reply in 5.5 s", "no reply in … s"),
        ("job 0190b3a4-0000-7000-8000-0123456789ab is gone", "job … is gone"),
        ("no file 'a.txt'\nTraceback", "no file …"),
        ("", ""),
    ],
)
def test_a_cause_is_an_error_without_what_differs(dialect: str, error: str, words: str) -> None:
    assert pattern(error) == words


def test_the_pulse_is_a_few_bytes_or_none(ui: Client, busy: str) -> None:
    first = ui.get("/ui/pulse")
    assert len(first.content) < 30
    again = ui.get(f"/ui/pulse?since={first.json()['seq']}")
    assert (again.status_code, again.content) == (204, b"")


#: Statements of a page beside those that PostgreSQL needs for each reading: read-only, the limit of its time, and the time.
COST = {
    "/": 14, "/ticks": 5, "/leases": 5, "/jobs": 4, "/workflows": 4, "/dead": 2, "/queues": 8, "/schedules": 4, "/ui/pulse": 1,
}  # fmt: skip


def test_a_page_costs_so_many_statements_however_many_jobs_there_are(
    ui: Client, jobs: Tickover, busy: str, statements: list[str], dialect: str
) -> None:
    def cost() -> dict[str, int]:
        costs = {}
        for path in (*COST, f"/jobs/{busy}", f"/workflows/{busy}"):
            statements.clear()
            assert ui.get(path).status_code == 200
            costs[path] = len(
                [one for one in statements if not one.startswith(("SET ", "SELECT statement_timestamp()"))]
            )
        return costs

    before = cost()
    jobs.enqueue_many([_new(n) for n in range(200)])
    for n in range(20):
        jobs.enqueue("fail", f"{n} times")
    jobs.drain(10)
    assert cost() == before
    assert before == {**COST, f"/jobs/{busy}": 9, f"/workflows/{busy}": 7}


@pytest.fixture
def statements(jobs: Tickover, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that a link sends."""
    from tickover.store import postgres, sqlite

    sent: list[str] = []
    for cls in (sqlite.SqliteLink, postgres.PostgresLink):
        query, run = cls.query, cls.run

        def spy_query(self: Link, sql: str, params: object, query: object = query) -> object:
            sent.append(sql)
            return query(self, sql, params)  # type: ignore[operator]  # the method it stands for

        def spy_run(self: Link, verb: object, params: object, run: object = run) -> object:
            sent.append(str(verb))
            return run(self, verb, params)  # type: ignore[operator]  # the method it stands for

        monkeypatch.setattr(cls, "query", spy_query)
        monkeypatch.setattr(cls, "run", spy_run)
    return sent


def test_reading_cannot_write(jobs: Tickover) -> None:
    from tickover_ui.reading import read

    with pytest.raises(Exception, match="read-?only"):
        read(jobs, lambda store: store.link.query("DELETE FROM jobs", {}))
    jobs.enqueue("greet", "afterwards")  # and the link is as it was


def test_a_statement_that_takes_too_long_is_given_up(
    jobs: Tickover, dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tickover_ui import reading

    endless = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "postgresql": "SELECT pg_sleep(60)",
    }
    monkeypatch.setattr(reading, "_SECONDS", 0.2)
    with pytest.raises(Exception, match=r"longer than 0\.2 s|statement timeout"):
        reading.read(jobs, lambda store: store.link.query(endless[dialect], {}))
    jobs.enqueue("greet", "afterwards")


# --- who may look ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_without_auth_there_is_no_dashboard(jobs: Tickover) -> None:
    with pytest.raises(errors.ConfigurationError, match="auth="):
        create_dashboard(jobs)
    assert Client(create_web(jobs)).get("/").status_code == 404


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_every_page_needs_the_role_to_look(jobs: Tickover) -> None:
    app = create_dashboard(jobs, auth=bearer_tokens({TOKENS["view"]: "view"}))
    for path in (*PAGES, f"/jobs/{new_id()}", "/ui/pulse", "/api/stats"):
        assert Client(app).get(path).status_code == 401, path
        assert Client(app, {"Authorization": f"Bearer {TOKENS['view']}"}).get(path).status_code in (200, 404), path
    check(Client(app).get("/").text)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_page_of_another_site_sees_nothing(ui: Client, busy: str) -> None:
    assert ui.get("/", headers={"Host": "evil.example"}).status_code == 401


# --- mounted, and its files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_it_may_be_mounted_under_any_path(jobs: Tickover, busy: str) -> None:
    from fastapi import FastAPI

    outer = FastAPI()
    outer.mount("/ops/jobs", create_dashboard(jobs, auth=insecure_local()))
    client = Client(outer)
    text = client.get("/ops/jobs/").text
    local = re.findall(r'(?:href|src|action)="([^"#]*)"', text)
    assert local
    assert all(target.startswith("/ops/jobs/") for target in local)
    for target in local:
        assert client.get(target.replace("&amp;", "&")).status_code == 200, target
    assert 'href="/ops/jobs/" aria-current="page"' in text
    assert client.get("/ops/jobs/api/stats").status_code == 200


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_files_are_kept_for_ever_under_names_that_change_with_them(ui: Client) -> None:
    text = ui.get("/").text
    for name in set(re.findall(r"/static/([\w.-]+)", text)):
        answer = ui.get(f"/static/{name}")
        assert "immutable" in answer.headers["cache-control"], name
        assert re.search(r"\.[0-9a-f]{10}\.\w+$", name)
    fonts = re.findall(r'url\("([^"]+)"\)', ui.get(re.findall(r"/static/app[\w.]+css", text)[0]).text)
    assert len(fonts) == 4
    assert all(ui.get(f"/static/{font}").headers["content-type"] == "font/woff2" for font in fonts)
    for name in ("../app.py", "..%2Fapp.py", "app.css", "%00"):
        assert ui.get(f"/static/{name}").status_code == 404


# --- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_durations_are_short_and_never_negative(dialect: str) -> None:
    said = [duration(s) for s in (-5, 0, 0.25, 1, 59.4, 90, 7200, 200_000, None)]
    assert said == ["0 ms", "0 ms", "250 ms", "1 s", "59 s", "2 min", "2 h", "2 d", "–"]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_count_that_was_cut_off_says_so(dialect: str) -> None:
    assert (number(MOST), number(MOST + 1)) == ("10 000", "10 000+")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_large_payload_is_shown_in_part_and_a_large_number_whole(dialect: str) -> None:
    text, left = document({"a": "x" * 1_000_000, "n": 2**63 - 1})
    assert len(text) == 16 * 1024
    assert left > 900_000
    assert str(2**63 - 1) in document({"n": 2**63 - 1})[0]
