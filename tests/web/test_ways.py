"""The ways in beside tokens and proxies: people with a password, and those whom AWS has authenticated."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, Request
from itsdangerous import TimestampSigner
from mangum import Mangum

from tests.support.loops import loop_of_its_own
from tests.web.conftest import TOKENS, Client
from tickover import Settings, Tickover, errors
from tickover.clock import SystemClock
from tickover.web import (
    Person,
    any_of,
    bearer_tokens,
    create_api,
    hash_password,
    iam_identity,
    password_login,
)
from tickover.web.passwords import check_password
from tickover.web.sessions import COOKIE, PasswordLogin, people_from
from tickover.web.ways import ways_in

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"])
SECRET = "a-secret-of-our-own"
WORD = "correct horse battery"
HASH = hash_password(WORD)


def login(role: Any = "operate", *, password: str = HASH, secret: str = SECRET, **more: Any) -> PasswordLogin:
    return password_login({"ann": Person(role=role, password=password)}, secret=secret, **more)


def known(jobs: Tickover, auth: Any, cookie: str, **headers: str) -> int:
    """The status of a pause of the whole fleet, which needs admin: 401 nobody, 403 somebody, 204 an admin."""
    return (
        Client(create_api(jobs, auth=auth), {"Cookie": f"{COOKIE}={cookie}", **headers})
        .post("/ticks/pause")
        .status_code
    )


class TestAPassword:
    def test_is_kept_as_what_cannot_be_turned_back(self, dialect: str) -> None:
        assert HASH.startswith("scrypt$15$8$3$")
        assert hash_password(WORD) != HASH
        assert WORD not in HASH
        assert check_password(WORD, HASH)
        assert not check_password(WORD + " ", HASH)
        assert not check_password("x" * 5000, HASH)

    def test_is_no_short_word(self, dialect: str) -> None:
        with pytest.raises(errors.InvalidArgument, match="12 to"):
            hash_password("hunter2")

    @pytest.mark.parametrize(
        "stored",
        [
            "",
            WORD,
            "scrypt$15$8$3$$",
            "scrypt$40$8$3$c2FsdA$a2V5",
            "scrypt$x$8$3$c2FsdA$a2V5",
            "md5$15$8$3$c2FsdA$a2V5",
        ],
    )
    def test_that_is_stored_in_another_way_is_refused_when_it_is_set_up(self, dialect: str, stored: str) -> None:
        with pytest.raises(errors.ConfigurationError, match="tickover password"):
            login(password=stored)


class TestASession:
    def test_says_who_and_the_settings_say_what_they_may(self, jobs: Tickover) -> None:
        cookie = login().cookie("ann")
        assert known(jobs, login(), cookie) == 403
        assert known(jobs, login("admin"), cookie) == 204

    def test_is_over_after_its_time(self, jobs: Tickover, monkeypatch: pytest.MonkeyPatch) -> None:
        then = int(SystemClock().now().timestamp())
        with monkeypatch.context() as past:
            past.setattr(TimestampSigner, "get_timestamp", lambda _self: then - 13 * 3600)
            cookie = login("admin").cookie("ann")
        assert known(jobs, login("admin"), cookie) == 401
        assert known(jobs, login("admin", lasts=14 * 3600), cookie) == 204

    def test_that_somebody_changed_or_made_is_none(self, jobs: Tickover) -> None:
        cookie = login("admin").cookie("ann")
        body, at, signed = cookie.split(".")
        changed = [("B" if part[0] == "A" else "A") + part[1:] for part in (body, at, signed)]
        forged = [f"{changed[0]}.{at}.{signed}", f"{body}.{changed[1]}.{signed}", f"{body}.{at}.{changed[2]}",
                  login("admin", secret="another-secret-than-ours").cookie("ann"), body, "", "é"]  # fmt: skip
        assert {known(jobs, login("admin"), one) for one in forged if one.isascii()} == {401}

    def test_a_signature_for_something_else_is_none(self, jobs: Tickover) -> None:
        from tickover.web.sessions import serializer

        said = {"name": "ann", "of": "", "session": "x"}
        assert known(jobs, login("admin"), serializer(SECRET, "form").dumps(said)) == 401

    def test_ends_with_a_new_password_and_with_the_person(self, jobs: Tickover) -> None:
        cookie = login("admin").cookie("ann")
        assert known(jobs, login("admin", password=hash_password(WORD)), cookie) == 401
        gone = password_login({"bob": Person(role="admin", password=HASH)}, secret=SECRET)
        assert known(jobs, gone, cookie) == 401

    def test_outlives_a_rotated_secret_while_the_old_one_verifies(self, jobs: Tickover) -> None:
        old = login("admin").cookie("ann")
        both = login("admin", secret=f"a-newer-secret-of-ours,{SECRET}")
        assert known(jobs, both, old) == 204
        assert known(jobs, login("admin"), both.cookie("ann")) == 401

    @pytest.mark.parametrize(
        "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
    )
    def test_is_nobodys_when_a_page_of_another_site_uses_it(self, jobs: Tickover, headers: dict[str, str]) -> None:
        assert known(jobs, login("admin"), login("admin").cookie("ann"), **headers) == 401
        assert jobs.stats().fleet_paused is None

    def test_needs_a_secret_that_is_one(self, dialect: str) -> None:
        for secret in (None, "", "short", f"{SECRET},short"):
            with pytest.raises(errors.ConfigurationError, match="TICKOVER_SECRET"):
                password_login({"ann": Person(role="view", password=HASH)}, secret=secret)


class TestPeople:
    def test_are_read_from_the_environment(self, jobs: Tickover, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TICKOVER_USERS", f"ann:admin:{HASH}, bob:view:{HASH}")
        monkeypatch.setenv("TICKOVER_API_TOKENS", f"view={TOKENS['view']}")
        with Tickover("sqlite://", settings=Settings(secret=SECRET)) as here:
            auth = ways_in(here)
        assert known(jobs, auth, login("admin").cookie("ann")) == 204
        token = Client(create_api(jobs, auth=auth), {"Authorization": f"Bearer {TOKENS['view']}"})
        assert token.get("/stats").status_code == 200

    @pytest.mark.parametrize(
        "text",
        ["ann", "ann:admin", "ann:root:x", f":view:{HASH}", f"a:view:{HASH},a:view:{HASH}"],
        ids=["a name", "no password", "no such role", "nobody", "one name twice"],
    )
    def test_that_cannot_be_read_are_refused(self, dialect: str, text: str) -> None:
        with pytest.raises(errors.ConfigurationError, match="TICKOVER_USERS"):
            people_from(text)

    def test_without_a_secret_nobody_logs_in(self, dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TICKOVER_USERS", f"ann:admin:{HASH}")
        with (
            Tickover("sqlite://", settings=Settings()) as jobs,
            pytest.raises(errors.ConfigurationError, match="SECRET"),
        ):
            ways_in(jobs)


def test_several_ways_in_are_tried_in_turn(jobs: Tickover) -> None:
    auth = any_of(login("admin"), bearer_tokens({TOKENS["view"]: "view"}))
    assert known(jobs, auth, login().cookie("ann")) == 204
    assert known(jobs, auth, "", Authorization=f"Bearer {TOKENS['view']}") == 403
    assert known(jobs, auth, "") == 401


# --- AWS ---------------------------------------------------------------------------------------------------------------

OPERATORS = "arn:aws:sts::123456789012:assumed-role/Operators/ann"


def ask(arn: str | None, headers: dict[str, str] | None = None, *, how: str = "url") -> str:
    """What a Function URL or an HTTP API with this signer is answered."""
    auth = iam_identity({"arn:aws:sts::123456789012:assumed-role/Operators/*": "operate", "arn:aws:iam::123456789012:root": "admin"})  # fmt: skip
    app = FastAPI()

    @app.post("/who")
    def who(request: Request) -> str:
        caller = auth(request)
        return "nobody" if caller is None else f"{caller.name} {caller.role}"

    context: dict[str, Any] = {
        "http": {"method": "POST", "path": "/who", "sourceIp": "192.0.2.7", "protocol": "HTTP/1.1"}
    }
    if arn is not None and how == "url":
        context["authorizer"] = {"iam": {"userArn": arn, "accountId": "123456789012"}}
    if arn is not None and how == "rest":
        context["identity"] = {"userArn": arn}
    event = {"version": "2.0", "rawPath": "/who", "rawQueryString": "", "headers": {"host": "x.lambda-url.example", **(headers or {})}, "requestContext": context, "isBase64Encoded": False}  # fmt: skip
    with loop_of_its_own():
        answer = Mangum(app, lifespan="off")(event, None)  # type: ignore[arg-type]  # no context is used
    return str(answer["body"]).strip('"')


class TestIam:
    def test_whoever_signed_has_the_role_of_the_first_pattern_that_fits(self, dialect: str) -> None:
        assert ask(OPERATORS) == f"{OPERATORS} operate"
        assert ask("arn:aws:iam::123456789012:root") == "arn:aws:iam::123456789012:root admin"
        assert ask(OPERATORS, how="rest") == f"{OPERATORS} operate"

    def test_everybody_else_is_nobody(self, dialect: str) -> None:
        assert ask(None) == "nobody"
        assert ask("arn:aws:sts::999999999999:assumed-role/Operators/ann") == "nobody"
        assert ask("arn:aws:sts::123456789012:assumed-role/Others/Operators") == "nobody"

    def test_what_the_request_says_itself_counts_for_nothing(self, dialect: str) -> None:
        assert ask(None, {"x-amzn-iam-user-arn": OPERATORS, "x-forwarded-user": OPERATORS}) == "nobody"

    def test_a_page_of_another_site_is_nobody(self, dialect: str) -> None:
        assert ask(OPERATORS, {"origin": "https://evil.example"}) == "nobody"

    @pytest.mark.parametrize("roles", [{}, {"*": "admin"}, {"arn:aws:iam::1:root": "root"}])
    def test_a_wrong_map_is_refused(self, dialect: str, roles: Any) -> None:
        with pytest.raises(errors.ConfigurationError):
            iam_identity(roles)
