"""Who may do what: every route of the API against every role, and what a browser can be made to send."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute

from tests.web.conftest import TOKENS, Client, Open
from tickover import Tickover, errors
from tickover.web import Caller, audit, bearer_tokens, create_api, insecure_local, proxy_header, schedules, system
from tickover.web import jobs as jobs_
from tickover.web.access import ROLES, Needs, Role
from tickover.web.problems import described

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"])

ROUTERS = [
    *(system.look, system.operate, system.administer),
    *(jobs_.look, jobs_.operate, jobs_.administer),
    *(schedules.look, schedules.operate),
    audit.look,
]


def routes() -> Iterator[tuple[str, str, Role]]:
    """Each route of the API: method, path, and the role it says it needs."""
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            (role,) = [d.call.role for d in route.dependant.dependencies if isinstance(d.call, Needs)]
            for method in sorted(route.methods or ()):
                yield method, re.sub(r"\{\w+\}", "x", route.path), role


def test_every_route_says_which_role_it_needs_and_nothing_else_answers(jobs: Tickover) -> None:
    told = {
        (method.upper(), re.sub(r"\{\w+\}", "x", path))
        for path, methods in described(create_api(jobs))["paths"].items()
        for method in methods
    }
    assert told | {("GET", "/openapi.json")} == {(method, path) for method, path, _ in routes()}


def test_only_those_with_the_role_get_through(as_: Open) -> None:
    for method, path, needed in routes():
        assert as_(None).request(method, path).status_code == 401, path
        for role in ROLES:
            status = as_(role).request(method, path).status_code
            allowed = ROLES.index(role) >= ROLES.index(needed)
            assert (status != 403) == allowed, (method, path, role)
            assert status != 401


@pytest.mark.parametrize("asked", ['/jobs?search="password":"h', '/jobs?meta={"key":"h"}', "/dead-letters?search=h"])
def test_who_sees_payloads_redacted_may_not_search_them(as_: Open, asked: str) -> None:
    assert as_("view").get(asked).status_code == 403
    assert as_("operate").get(asked).status_code == 200


def test_what_changes_something_is_never_a_get(dialect: str) -> None:
    assert {role for method, _, role in routes() if method == "GET"} == {"view"}
    assert {role for method, _, role in routes() if method != "GET"} == {"operate", "admin"}


def test_without_auth_nobody_may_do_anything(jobs: Tickover) -> None:
    closed = Client(create_api(jobs), {"Authorization": "Bearer anything-at-all-here"})
    for method, path, _ in routes():
        answer = closed.request(method, path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "TICKOVER_API_TOKENS" in closed.get("/jobs").json()["detail"]


def test_the_environment_can_name_the_tokens(jobs: Tickover, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKOVER_API_TOKENS", "view=0123456789abcdef, view=fedcba9876543210")
    api = create_api(jobs)
    for token in ("0123456789abcdef", "fedcba9876543210"):
        assert Client(api, {"Authorization": f"Bearer {token}"}).get("/stats").status_code == 200
        assert Client(api, {"Authorization": f"Bearer {token}"}).post("/ticks/pause").status_code == 403
    for wrong in ("root=0123456789abcdef", "view", "view=short"):
        monkeypatch.setenv("TICKOVER_API_TOKENS", wrong)
        with pytest.raises(errors.ConfigurationError):
            create_api(jobs)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer viewer", "Bearer \xff\xfe", f"Bearer {TOKENS['view']}x"]
)
def test_anything_else_is_nobody(as_: Open, header: str) -> None:
    answer = as_(None).get("/stats", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


def test_a_refusal_names_the_role_and_the_caller(jobs: Tickover) -> None:
    api = create_api(jobs, auth=bearer_tokens({"0123456789abcdef": Caller(name="the pager", role="view")}))
    answer = Client(api, {"Authorization": "Bearer 0123456789abcdef"}).post("/ticks/pause")
    assert answer.json()["detail"] == "This needs the role admin; the pager has view."


@pytest.mark.parametrize("token", ["", "short", " 0123456789abcdef", "пароль-пароль-пароль"])
def test_a_token_that_is_no_secret_is_refused(dialect: str, token: str) -> None:
    with pytest.raises(errors.ConfigurationError):
        bearer_tokens({token: "view"})


# --- behind a proxy ----------------------------------------------------------------------------------------------------

PROXY = {"X-Forwarded-User": "an operator", "X-Proxy-Secret": "between-the-two-of-us"}


@pytest.fixture
def behind(jobs: Tickover) -> Client:
    return Client(create_api(jobs, auth=proxy_header(secret="between-the-two-of-us", role="admin")))


def test_whom_the_proxy_logged_in_gets_through(behind: Client) -> None:
    assert behind.get("/stats", headers=PROXY).status_code == 200
    assert behind.post("/ticks/pause", headers={**PROXY, "Origin": "http://127.0.0.1:8000"}).status_code == 204


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-User": "an operator"},
        {**PROXY, "X-Proxy-Secret": "guessed"},
        {"X-Proxy-Secret": PROXY["X-Proxy-Secret"]},
        {**PROXY, "Origin": "http://evil.example"},
        {**PROXY, "Origin": "http://["},
        {**PROXY, "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_nobody_gets_past_the_proxy_or_acts_in_anothers_name(
    behind: Client, jobs: Tickover, headers: dict[str, str]
) -> None:
    assert behind.post("/ticks/pause", headers=headers).status_code == 401
    assert jobs.stats().fleet_paused is None


def test_a_proxys_secret_is_no_short_word(dialect: str) -> None:
    with pytest.raises(errors.ConfigurationError):
        proxy_header(secret="short")


# --- the local machine -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "localhost", "[::1]:8000"])
def test_whoever_sits_at_the_machine_is_admin(jobs: Tickover, host: str) -> None:
    local = Client(create_api(jobs, auth=insecure_local()))
    assert local.post("/ticks/pause", headers={"Host": host, "Origin": f"http://{host}"}).status_code == 204
    assert local.post("/ticks/resume", headers={"Host": host, "Sec-Fetch-Site": "same-origin"}).status_code == 204


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # a name of theirs that resolves to this machine
        {"Host": "evil.example:8000"},
        {"Host": ""},
        {"Host": "localhost@evil.example"},
        {"Host": "["},
        {"Origin": "http://["},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-Forwarded-For": "192.0.2.7"},  # a proxy on this machine, behind which anybody could be
        {"Forwarded": "for=192.0.2.7"},
        {"X-Real-IP": "192.0.2.7"},
        {"Via": "1.1 proxy"},
    ],
)
def test_another_site_in_the_same_browser_is_nobody(jobs: Tickover, headers: dict[str, str]) -> None:
    local = Client(create_api(jobs, auth=insecure_local()))
    assert local.post("/ticks/pause", headers=headers).status_code == 401
    assert jobs.stats().fleet_paused is None


def test_another_machine_is_nobody(jobs: Tickover) -> None:
    assert Client(create_api(jobs, auth=insecure_local()), peer="192.0.2.7").get("/stats").status_code == 401


@pytest.mark.parametrize("remote", [False, True])
def test_whoever_may_enqueue_cannot_order_by_it_what_only_an_admin_may(as_: Open, jobs: Tickover, remote: bool) -> None:
    job_id = jobs.enqueue("greet", "Ann")
    jobs.drain(5)
    order = {"verb": "purge", "filters": {"state": "completed", "queue": "default"}, "total": 1, "who": "somebody else"}
    asked = {"kind": "tickover.bulk", "payload": order, "remote": remote}
    answer = as_("operate").post("/jobs", json=asked)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:tickover:invalid-argument")
    jobs.drain(5)
    assert jobs.get(job_id).state == "completed"
