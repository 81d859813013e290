"""What can be done in the dashboard: only by whom, only when it is meant, and never without a row that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from tests.web.browsing import Form, Person
from tickover import Context, Tickover, every
from tickover.web.access import ROLES, Needs, Role
from tickover.web.shield import CONTENT_SECURITY_POLICY
from tickover_ui.actions.catalogue import CATALOGUE
from tickover_ui.actions.names import NAMES
from tickover_ui.routes import live

#: What answers without a role, and why.
PUBLIC = {
    ("GET", "/static/{name}"): "no secret is in any of them, and the log-in page needs them",
    ("GET", "/login"): "it lets people in",
    ("POST", "/login"): "it lets people in",
}


@pytest.fixture
def ann(jobs: Tickover) -> Person:
    return Person(jobs)


@pytest.fixture
def scene(jobs: Tickover) -> dict[str, str]:
    """Something that each action can be done to: the address of its question, and what is filled in beside the reason."""

    @jobs.job
    def wait(ctx: Context) -> None:
        ctx.wait_for_signal("go", returns=bool)

    dead = [jobs.enqueue("fail", "no") for _ in range(3)]
    waiting = jobs.enqueue("wait")
    jobs.drain(5)
    later = [jobs.enqueue("greet", "Ann", delay=600) for _ in range(3)]
    held = jobs.enqueue("greet", "Bob", delay=600)
    jobs.pause_job(held)
    jobs.pause_queue("slow", "")
    jobs.schedule("wait", every(minutes=5), name="hourly")
    jobs.schedule("wait", every(minutes=5), name="resting")
    jobs.pause_schedule("resting")
    (cause,) = re.findall(r"cause=(\w+)", Person(jobs).get("/dead").text)[:1]
    return {
        "enqueue": "/act/enqueue",
        "retry": f"/act/retry?job={dead[0]}",
        "requeue": f"/act/requeue?cause={cause}",
        "cancel": f"/act/cancel?job={later[0]}",
        "pause": f"/act/pause?job={later[1]}",
        "resume": f"/act/resume?job={held}",
        "signal": f"/act/signal?job={waiting}",
        "reveal": f"/act/reveal?job={later[2]}",
        "purge": "/act/purge?state=failed&queue=default",
        "pause-queue": "/act/pause-queue?queue=default",
        "resume-queue": "/act/resume-queue?queue=slow",
        "pause-ticks": "/act/pause-ticks",
        "resume-ticks": "/act/resume-ticks",
        "run-schedule": "/act/run-schedule?name=hourly",
        "pause-schedule": "/act/pause-schedule?name=hourly",
        "resume-schedule": "/act/resume-schedule?name=resting",
    }


FILLED: dict[str, dict[str, Any]] = {"enqueue": {"kind": "greet", "payload": '"Cleo"'}}


def world(jobs: Tickover) -> Any:
    """Whatever an action could change."""
    found = jobs.find(limit=1000)
    stats = jobs.stats()
    return (
        sorted((job.id, job.state) for job in found), [(q.name, q.paused) for q in stats.queues], stats.fleet_paused,
        [(s.name, s.paused) for s in jobs.schedules()],
        len([one for one in jobs.events() if type(one).__name__ == "SignalSent"]),
    )  # fmt: skip


# --- who may -----------------------------------------------------------------------------------------------------------


def routes(app: Any, prefix: str = "") -> Iterator[tuple[str, str, Role | None]]:
    """Each route of the application and of what is mounted in it: method, path, and the role that it says it needs."""
    for route in app.routes:
        if isinstance(route, Mount):
            yield from routes(route.app, prefix + route.path)
        elif isinstance(route, APIRoute):
            roles = [d.call.role for d in route.dependant.dependencies if isinstance(d.call, Needs)]
            assert len(roles) < 2
            for method in sorted(route.methods or ()):
                yield method, prefix + route.path, roles[0] if roles else None
        else:
            yield from routes(route.original_router, prefix)  # raises for what is neither: no route is left out


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_every_route_needs_a_role_or_says_why_not(ann: Person) -> None:
    found = list(routes(ann.app))
    assert len(found) > 60
    assert {(method, path) for method, path, role in found if role is None} == set(PUBLIC)
    for name in CATALOGUE:
        assert {("GET", f"/act/{name}", NAMES[name].role), ("POST", f"/act/{name}", NAMES[name].role)} <= set(found)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_only_those_with_the_role_get_through(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LASTS", 0.0)  # a stream is over at once
    for method, path, needed in routes(ann.app):
        if needed is None:
            continue
        for role in (None, *ROLES):
            status = ann.as_(role).request(method, re.sub(r"\{\w+\}", "x", path)).status_code
            allowed = role is not None and ROLES.index(role) >= ROLES.index(needed)
            forbidden = status in (401, 403) and not (method == "POST" and allowed)
            assert forbidden != allowed, (method, path, role, status)


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("role", ROLES)
def test_buttons_are_shown_to_those_who_may_press_them(jobs: Tickover, scene: dict[str, str], role: Role) -> None:
    person = Person(jobs, role)
    dead = jobs.find(state="failed")[0].id
    shown = {name for path in ("/", "/dead", f"/jobs/{dead}", "/jobs?state=failed") for name in re.findall(r"/act/([a-z-]+)", person.get(path).text)}  # fmt: skip
    assert {NAMES[name].role for name in shown} == {
        needed for needed in ROLES[1:] if ROLES.index(role) >= ROLES.index(needed)
    }


# --- when it is meant --------------------------------------------------------------------------------------------------


def test_the_scene_has_every_action(scene: dict[str, str]) -> None:
    assert set(scene) == set(CATALOGUE)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_form_that_is_not_ours_does_nothing(ann: Person, jobs: Tickover, scene: dict[str, str], name: str) -> None:
    if name == "resume-ticks":
        jobs.pause_ticks()
    filled: dict[str, Any] = FILLED.get(name, {})
    before, others = world(jobs), Person(jobs, "operate").form(scene["retry"]).fields["csrf"]
    login = Person(jobs).app.state.forms.dumps(["", ""])
    for csrf in (None, "", "x", others, login):
        assert ann.send(scene[name], **{**filled, "csrf": csrf}).status_code == 403, csrf
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert ann.send(scene[name], headers, **filled).status_code == 403, headers
    form = ann.form(scene[name])
    assert form.action is not None
    sent = {**form.fields, "reason": "because", **filled}
    assert ann.client.post(form.action, json=sent).status_code == 415
    assert ann.client.request("GET", form.action, params=sent).status_code in (200, 422)
    assert world(jobs) == before
    assert ann.notes() == []


@pytest.mark.parametrize("name", sorted(CATALOGUE))
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_without_a_reason_nothing_is_done_and_what_was_filled_in_stays(
    ann: Person, jobs: Tickover, scene: dict[str, str], name: str
) -> None:
    if name == "resume-ticks":
        jobs.pause_ticks()
    before = world(jobs)
    answer = ann.send(scene[name], **{**FILLED.get(name, {}), "reason": "  "})
    assert answer.status_code == 422
    assert "Say why" in answer.text
    for field, value in FILLED.get(name, {}).items():
        assert Form(answer.text).fields[field] == value
    assert world(jobs) == before
    assert ann.notes() == []


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_each_action_is_done_and_leaves_one_row(ann: Person, jobs: Tickover, scene: dict[str, str], name: str) -> None:
    if name == "resume-ticks":
        jobs.pause_ticks()
    before = world(jobs)
    answer = ann.send(scene[name], **FILLED.get(name, {}), headers={"Origin": "http://127.0.0.1:8000"})
    text = answer.text if name == "reveal" else ann.follow(answer)
    assert name == "reveal" or 'class="did"' in text
    (note,) = ann.notes()
    assert (note["who"], note["role"], note["address"], note["action"], note["reason"]) == (
        "a token with role admin", "admin", "127.0.0.1", NAMES[name].label, "because",
    )  # fmt: skip
    assert (world(jobs) != before) == (name != "reveal")


# --- each by itself ----------------------------------------------------------------------------------------------------


def test_a_retry_keeps_its_steps_or_begins_anew(ann: Person, jobs: Tickover) -> None:
    ran: list[str] = []

    @jobs.job(retries=0)
    def charge(ctx: Context) -> None:
        ctx.step("reserve", lambda: ran.append("reserve"))
        raise ValueError("no")

    job_id = jobs.enqueue("charge")
    jobs.drain(5)
    ann.send(f"/act/retry?job={job_id}")
    jobs.drain(5)
    assert ran == ["reserve"]
    ann.send(f"/act/retry?job={job_id}", None, **{"from": "fresh"})
    jobs.drain(5)
    assert ran == ["reserve", "reserve"]
    assert [note["result"] for note in ann.notes()] == ["from the start", "done"]


def test_a_retry_that_collides_stays_on_the_page_and_says_which_job_holds_the_key(ann: Person, jobs: Tickover) -> None:
    @jobs.job(retries=0)
    def fail_once() -> None:
        raise ValueError

    dead = jobs.enqueue("fail-once", unique="k")
    jobs.drain(5)
    newer = jobs.enqueue("fail-once", unique="k", delay=600)
    answer = ann.send(f"/act/retry?job={dead}", reason="try again")
    assert answer.status_code == 409
    assert newer in answer.text
    assert Form(answer.text).fields["reason"] == "try again"
    assert ann.notes() == []


def test_the_question_says_how_many_and_the_answer_counts_again(ann: Person, jobs: Tickover) -> None:
    ids = [jobs.enqueue("greet", "Ann", delay=600) for _ in range(30)]
    path = "/act/cancel?state=pending&kind=greet"
    form = ann.form(path)
    assert form.fields["count"] == "30"
    for job_id in ids[:4]:
        jobs.cancel(job_id)
    sent = {**form.fields, "reason": "because"}
    moved = ann.client.post(str(form.action), data=sent)
    assert moved.status_code == 409
    assert "become 26" in moved.text
    assert len(jobs.find(state="cancelled")) == 4
    again = Form(moved.text)
    assert again.fields["count"] == "26"
    ann.follow(ann.client.post(str(again.action), data={**again.fields, "reason": "because"}))
    assert len(jobs.find(state="cancelled")) == 30
    assert ann.notes()[0]["count"] == 26


def test_what_cannot_be_taken_back_of_many_is_typed(ann: Person, jobs: Tickover) -> None:
    jobs.enqueue_many([jobs_new("greet", n) for n in range(120)])
    answer = ann.send("/act/cancel?state=pending")
    assert (answer.status_code, "Type 120" in answer.text) == (422, True)
    assert not jobs.find(state="cancelled")
    ann.follow(ann.send("/act/cancel?state=pending", typed="120"))
    assert len(jobs.find(state="cancelled", limit=1000)) == 120


def jobs_new(kind: str, n: int) -> Any:
    from tickover import NewJob

    return NewJob(kind, f"n{n}", delay=600)


def test_those_that_are_chosen_and_fit_are_changed_and_the_others_left(ann: Person, jobs: Tickover) -> None:
    done = jobs.enqueue("greet", "Ann")
    jobs.drain(5)
    ids = [jobs.enqueue("greet", "Ann", delay=600) for _ in range(2)]
    text = ann.get("/act/cancel?" + "&".join(f"job={one}" for one in (done, *ids))).text
    assert "Cancel 2 jobs?" in text
    assert "1 of those chosen" in text
    ann.follow(ann.send("/act/cancel?" + "&".join(f"job={one}" for one in (done, *ids))))
    assert [jobs.get(one).state for one in (done, *ids)] == ["completed", "cancelled", "cancelled"]


def test_more_than_200_are_changed_by_a_job_with_a_page(ann: Person, jobs: Tickover) -> None:
    jobs.enqueue_many([jobs_new("greet", n) for n in range(250)])
    answer = ann.send("/act/pause?state=pending")
    text = ann.follow(answer)
    assert "Pause 250 jobs" in text
    assert "begins with the next tick" in text
    assert "Stop" in text
    assert not jobs.find(state="paused")
    jobs.drain(20)
    assert len(jobs.find(state="paused", limit=1000)) == 250
    assert "250 changed, 0 left as they were" in ann.get(answer.headers["location"]).text
    assert [note["action"] for note in ann.notes()] == ["Pause many: ended", "Pause"]


def test_a_requeue_tries_one_first(ann: Person, jobs: Tickover) -> None:
    down = [True]

    @jobs.job(retries=0)
    def charge(n: int) -> None:
        if down[0]:
            raise TimeoutError(f"no reply in {n} s")

    for n in range(5):
        jobs.enqueue("charge", n)
    jobs.drain(5)
    (cause,) = re.findall(r"cause=(\w+)", ann.get("/dead").text)[:1]
    answer = ann.send(f"/act/requeue?cause={cause}")
    jobs.drain(10)
    assert "nothing else was touched" in ann.get(answer.headers["location"]).text
    assert sum(job.attempt for job in jobs.find(kind="charge")) == 6
    down[0] = False
    ann.send(f"/act/requeue?cause={cause}")
    jobs.drain(10)
    assert {job.state for job in jobs.find(kind="charge")} == {"completed"}


def test_a_purge_deletes_what_was_counted_and_nothing_else(ann: Person, jobs: Tickover) -> None:
    for _ in range(3):
        jobs.enqueue("fail", "no")
    jobs.enqueue("fail", "no", queue="other")
    jobs.drain(5)
    assert "Say which" in ann.get("/act/purge").text
    assert "Purge 3 failed jobs?" in ann.get("/act/purge?state=failed&queue=default").text
    assert "Nothing is there" in ann.get("/act/purge?state=failed&queue=default&days=1").text
    ann.follow(ann.send("/act/purge?state=failed&queue=default"))
    assert [job.queue for job in jobs.find()] == ["other"]
    assert ann.notes()[0]["result"] == "3 deleted"


def test_a_reveal_shows_what_is_hidden_once_and_says_so(ann: Person, jobs: Tickover) -> None:
    job_id = jobs.enqueue("login", {"user": "ann", "password": "hunter2"})
    for path in (f"/jobs/{job_id}", f"/act/reveal?job={job_id}", "/audit"):
        assert "hunter2" not in ann.get(path).text
    assert "hunter2" in ann.send(f"/act/reveal?job={job_id}").text
    assert "hunter2" not in ann.get(f"/act/reveal?job={job_id}").text
    assert [note["action"] for note in ann.notes()] == ["Reveal"]


def test_what_is_not_there_is_not_asked_about(ann: Person, jobs: Tickover) -> None:
    gone = "01a2289a-bbb4-74b6-973a-bdeea677b701"
    assert ann.get("/act/retry").status_code == 422
    assert ann.get("/act/retry?job=x").status_code == 422
    assert ann.get("/act/retry?search=x").status_code == 422
    for path in (f"/act/retry?job={gone}", f"/act/signal?job={gone}", f"/bulk/{gone}", "/act/requeue?cause=00000000"):
        assert ann.get(path).status_code == 404, path
    job_id = jobs.enqueue("greet", "Ann")
    assert ann.get(f"/bulk/{job_id}").status_code == 404
    jobs.drain(5)
    assert "only one that is failed or cancelled" in ann.get(f"/act/retry?job={job_id}").text
    assert ann.get("/act/run-schedule?name=none").status_code == 422
    assert ann.get("/act/purge?state=running&queue=default").status_code == 422


@pytest.mark.parametrize(
    "filled",
    [{"kind": "nothing"}, {"payload": "{"}, {"priority": "high"}, {"delay": "-1"}, {"payload": "7"}, {"queue": "a b"}],
)
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_new_job_that_cannot_be_stays_on_the_page_and_says_why(
    ann: Person, jobs: Tickover, filled: dict[str, Any]
) -> None:
    sent: dict[str, Any] = {"kind": "greet", "payload": '"Ann"', **filled}
    answer = ann.send("/act/enqueue", **sent)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert {name: Form(answer.text).fields[name] for name in sent} == sent
    assert not jobs.find()
    assert ann.notes() == []


# --- the frame ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_every_answer_has_the_whole_policy(ann: Person, jobs: Tickover, scene: dict[str, str]) -> None:
    answers = [ann.get(path) for path in (*scene.values(), "/audit", "/login", "/nothing")]
    answers += [ann.send(scene["pause"]), ann.send(scene["cancel"], reason=""), ann.send(scene["reveal"])]
    for answer in answers:
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"
    assert CONTENT_SECURITY_POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_mounted_under_a_path_everything_stays_below_it(jobs: Tickover, scene: dict[str, str]) -> None:
    from fastapi import FastAPI

    person = Person(jobs)
    outer = FastAPI()
    outer.mount("/ops/jobs", person.app)
    person.client.app = outer
    form = Form(person.get(f"/ops/jobs{scene['pause']}").text)
    assert form.action is not None
    assert form.action.startswith("/ops/jobs/act/pause?")
    answer = person.client.post(form.action, data={**form.fields, "reason": "because"})
    assert answer.headers["location"].startswith("/ops/jobs/jobs/")
    assert 'class="did"' in person.get(answer.headers["location"]).text


ODD = [
    "\x00",
    "a\x00b",
    "",
    " ",
    "nan",
    "1e999",
    "-1",
    "9" * 400,
    "%",
    "'",
    "\u0663",
    "\U0001f980" * 300,
    "../..",
    "[]",
    "null",
    "{}",
]


def test_whatever_an_address_or_a_form_brings_it_is_never_our_fault(
    ann: Person, jobs: Tickover, scene: dict[str, str]
) -> None:
    asked = (
        "job",
        "cause",
        "state",
        "kind",
        "queue",
        "tenant",
        "search",
        "name",
        "days",
        "did",
        "who",
        "target",
        "cursor",
    )
    filled = ("name", "payload", "kind", "queue", "tenant", "unique", "priority", "delay", "mode", "from", "when")
    paths = [f"/act/{name}" for name in CATALOGUE] + ["/audit", "/jobs", "/login"]
    forms = {name: ann.form(path) for name, path in scene.items()}
    for odd in ODD:
        for path in paths:
            for given in (dict.fromkeys(asked, odd), {"kind": odd, "state": "failed", "queue": odd, "who": odd}):
                assert ann.client.get(path, params=given).status_code < 500, (path, odd)
        for name, form in forms.items():
            sent = {**form.fields, **dict.fromkeys(filled, odd), "reason": odd or "because"}
            for more in ({}, {"count": odd, "typed": odd}):
                answer = ann.client.post(str(form.action), data={**sent, **more})
                assert answer.status_code < 500, (name, odd, answer.text)
