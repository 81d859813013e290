"""Secrets go, diagnostics stay, and no text is too long."""

from __future__ import annotations

import string
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.domain.redact import MARK, MOST, redact

# Put together at run time, so that no scanner of sources takes an example for a leak.
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".c2lnbmF0dXJlLW9mLXRva2Vu"
SECRETS = {
    "bearer": ("401 for Authorization: Bearer {}", "abc123def456ghi"),
    "bearer alone": ("curl -H 'bearer {}'", "abc123def456ghi"),
    "basic": ("Authorization: Basic {}", "dXNlcjpwYXNzd29yZA=="),
    "header of a dict": ("{{'Authorization': 'Token {}'}}", "tok_12345"),
    "cookie": ("Cookie: sid={}; theme=dark", "s3ss10n"),
    "password": ("could not log in with password={}", "hunter2"),
    "password quoted": ("connect(user='u', password='{}', host='h')", "hun ter2"),
    "password json": ('{{"password": "{}", "user": "u"}}', "hunter2"),
    "environment": ("PGPASSWORD={} psql", "hunter2"),
    "query": ("GET https://api.example.org/v1?api_key={}&page=2 failed", "s3cr3t"),
    "client secret": ("client_secret: {}", "s3cr3t"),
    "postgres": ("cannot connect to postgresql://app:{}@db.example.org:5432/shop", "pa55wd"),
    "redis": ("redis://:{}@cache:6379/0 timed out", "pa55wd"),
    "dsn with odd signs": ("mysql+pymysql://app:{}@db/shop", "p@ss:w0rd!"),
    "aws id": ("InvalidAccessKeyId {}", "AKIA" + "IOSFODNN7EXAMPLE"),
    "aws secret": ("aws_secret_access_key = {}", "wJalrXUtnFEMI" + "/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    "aws secret alone": ("the key {} is wrong", "b8XqPz2Lr7Vd" + "Wk4NtHs9YcJm3GfQe6RuTa1BoIx5"),
    "github": ("push with {} denied", "ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a"),
    "github fine": ("push with {} denied", "github_pat" + "_11ABCDEFG0aBcDeFgHiJkL_1234567890abcdef"),
    "stripe": ("No such key: {}", "sk_live" + "_4eC39HqLyjWDarjtT1zdp7dc"),
    "slack": ("{} is revoked", "xoxb" + "-123456789012-abcdefABCDEF"),
    "slack hook": ("https://hooks.slack.com/services/{}", "T000/B000/" + "XXXXXXXXXXXXXXXXXXXXXXXX"),
    "google": ("key {} expired", "AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"),
    "google oauth": ("{} expired", "ya29." + "a0AfH6SMBx-abcdef_123"),
    "openai": ("Incorrect API key provided: {}.", "sk-" + "proj-abcdEFGH1234ijklMNOP"),
    "jwt": ("signature of {} is invalid", JWT),
    "opaque": ("unknown handle {}", "q8Zt3vKx91LmPw72RsYb04HdNcJfGe65"),
    "pem": ("cannot read {}", "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----"),
}  # fmt: skip
DIAGNOSTICS = [
    "job 01900000-0000-7000-8000-000000000001 failed",
    "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12 not found",
    "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 differs",
    "No such file: /var/lib/shop/releases/2024-11/app/site-packages/thing.py",
    "/home/Runner/work/Shop2/src/Application/Services/OrderImportService2.py:17",
    "C:\\Users\\shop\\orders.csv line 12",
    "https://api.example.org/v1/orders/12345?page=2 answered 503",
    "s3://bucket/2024/11/30/part-00001-of-00099.parquet",
    "postgresql://app@db.example.org:5432/shop refused the connection",
    "expected a token, found ')' at line 3",
    "the password is wrong",
    "basic authentication is required; bearer tokens are accepted",
    "column secret_plans does not exist",
    "2024-11-30T12:00:00.000000+00:00 is in the past",
    "com.example.shop.orders.OrderImportServiceImplementationFactoryBean2 is missing",
    "test_a_job_that_was_paused_while_it_ran_goes_on_where_it_was",
    "KeyError: 'user_id'",
    "10.0.0.1:5432 timed out after 30 s",
    "arn:aws:lambda:eu-central-1:123456789012:function:tickover-tick",
    "1234567890123456789012345678901234567890",
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_goes(name: str) -> None:
    frame, secret = SECRETS[name]
    said = redact(frame.format(secret))

    assert secret not in said
    assert MARK in said


@pytest.mark.parametrize("text", DIAGNOSTICS)
def test_a_diagnostic_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_what_is_around_a_secret_stays() -> None:
    assert redact("login with password=hunter2, user ann") == f"login with password={MARK}, user ann"
    assert redact(f"token {JWT} expired at noon") == f"token {MARK} expired at noon"


def test_the_user_and_the_host_of_a_url_stay() -> None:
    assert redact("postgresql://app:secret@db:5432/shop") == f"postgresql://app:{MARK}@db:5432/shop"


def test_what_was_redacted_is_not_redacted_again() -> None:
    for frame, secret in SECRETS.values():
        once = redact(frame.format(secret))
        assert redact(once) == once


@pytest.mark.parametrize("length", range(MOST - 40, MOST + 3, 7))
def test_a_secret_at_the_cut_does_not_stay_in_part(length: int) -> None:
    secret = SECRETS["stripe"][1]

    assert "sk_live" not in redact("x " * (length // 2) + secret + " tail" * 100)


@pytest.mark.parametrize(
    "piece",
    ["a", "A1b", "password=", "password: '", "eyJ", "eyJa.", "://a:", "-----BEGIN PRIVATE KEY-----", "bearer ", "=", "/a",
     "authorization: ", "token", "secret_", "x-", "\n", "' ", "cookie:", "AKIA", "é", "sk-"],
)  # fmt: skip
def test_no_text_takes_long(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    start = perf_counter()
    said = redact(text)

    assert perf_counter() - start < 1.0, "it takes milliseconds; only a pattern that backtracks takes seconds"
    assert len(said) <= 4 * MOST


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert isinstance(redact(text), str)


@given(st.text(string.ascii_lowercase + " .,:", max_size=300))
def test_plain_prose_stays(text: str) -> None:
    if not any(word in text for word in ("bearer", "basic", "pwd", "token", "secret", "key", "pass", "cookie", "auth")):
        assert redact(text) == text
