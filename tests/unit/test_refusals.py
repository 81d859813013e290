"""What is refused before any database is asked: each with the words that say what to do instead.

A refusal that needs a stored job is tested where the verb is; `tests/architecture` has nothing to say about words.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from tickover import ExponentialBackoff, Settings, Threshold, Tickover, cap, rate, weekly
from tickover.app.http_waker import HttpWaker
from tickover.aws.credentials import login_from_settings
from tickover.aws.wakers import WakeLadder, from_settings
from tickover.codec import AesGcmCodec
from tickover.domain.payload import encode
from tickover.engine.wake import Note
from tickover.errors import ConfigurationError, InvalidArgument, PayloadError, ScheduleError, TickoverError
from tickover.store.pool import Pool

Wrong = Callable[[], object]
KEY = bytes(range(32))
ROLE = "arn:aws:iam::123456789012:role/alarm"

REFUSED: dict[str, tuple[type[TickoverError], Wrong, str]] = {
    "a limit of more than a day": (InvalidArgument, lambda: rate("crm", 1, per=90_000), "per= takes a day at most"),
    "one cap twice": (
        InvalidArgument,
        lambda: Tickover("sqlite://").job(limits=[cap("gpu", 1), cap("gpu", 2)]),
        "names the same cap or rate twice",
    ),
    "a share in words": (InvalidArgument, lambda: Threshold("most"), "Threshold takes a share such as 0.8"),  # type: ignore[arg-type]  # refused
    "a share that is none": (InvalidArgument, lambda: Threshold(float("nan")), "Threshold takes a share"),
    "a backoff that shrinks": (InvalidArgument, lambda: ExponentialBackoff(factor=0.5), "a factor from 1 to 100"),
    "a jitter above 1": (InvalidArgument, lambda: ExponentialBackoff(jitter=1.5), "a jitter from 0 to 1"),
    "a weekday that is none": (ScheduleError, lambda: weekly("someday", 2), "weekly() takes monday, tuesday"),  # type: ignore[arg-type]  # refused
    "a schedule in words": (
        ScheduleError,
        lambda: Tickover("sqlite://").schedule("sweep", "daily"),  # type: ignore[arg-type]  # refused
        "A schedule recurs by every(…), daily(…), weekly(…) or cron(…), not by 'daily'",
    ),
    "a queue's bad name": (
        InvalidArgument,
        lambda: Tickover("sqlite://").job(queue="9 lives"),
        "'9 lives' is not a queue name: a letter, then up to 254",
    ),
    "too large a number": (PayloadError, lambda: encode([2**63]), "an integer beyond 64 bits; pass it as a string"),
    "a waker without http": (InvalidArgument, lambda: HttpWaker("ftp://x"), "HttpWaker takes an http or https URL"),
    "a wake of another kind": (InvalidArgument, lambda: Note.read({"reason": "odd"}), "The wake has reason 'odd'"),
    "an active key that is not there": (
        InvalidArgument, lambda: AesGcmCodec({"k1": KEY}, "k2"), "active='k2' is not among the keys: 'k1'",
    ),
    "a key id with blanks": (InvalidArgument, lambda: AesGcmCodec({"k 1": KEY}, "k 1"), "'k 1' is not a key id"),
    "a key of zeros": (InvalidArgument, lambda: AesGcmCodec({"k1": bytes(32)}, "k1"), "is all zeros"),
    "a pool's time of zero": (InvalidArgument, lambda: Pool(max_lifetime=0), "max_lifetime="),
    "no concurrency": (ConfigurationError, lambda: Settings(concurrency=0), "Settings: concurrency must be"),
    "a lease too short": (ConfigurationError, lambda: Settings(lease=0.01), "Settings: lease"),
    "two ways to log in": (
        ConfigurationError,
        lambda: login_from_settings(Settings(database_secret="arn:x", database_iam=True)),
        "TICKOVER_DATABASE_SECRET or TICKOVER_DATABASE_IAM, not both",
    ),
    "an alarm without a function": (
        ConfigurationError,
        lambda: from_settings(Settings(wake_role_arn=ROLE, wake_queue_url="https://sqs")),
        "TICKOVER_WAKE_FUNCTION must be the function's ARN",
    ),
    "a ladder in the air": (ConfigurationError, WakeLadder, "A ladder needs a first rung"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_says_what_to_do_instead(what: str) -> None:
    error, wrong, said = REFUSED[what]
    with pytest.raises(error) as refused:
        wrong()
    assert said in str(refused.value)


def test_an_old_sqlite_is_refused_by_its_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 2))
    with Tickover(f"sqlite:///{tmp_path}/jobs.db") as jobs, pytest.raises(ConfigurationError, match=r"needs 3\.38"):
        jobs.stats()


def test_a_handler_without_parameters_takes_no_payload() -> None:
    jobs = Tickover("sqlite://")

    @jobs.job
    def sweep() -> None: ...

    with pytest.raises(PayloadError, match="'sweep' takes"):
        sweep.new(1)  # type: ignore[call-arg]  # refused


def test_a_function_on_lambda_needs_the_name_of_its_application(monkeypatch: pytest.MonkeyPatch) -> None:
    from tickover.aws import handlers

    monkeypatch.delenv("TICKOVER_APP", raising=False)
    handlers._application.cache_clear()
    with pytest.raises(ConfigurationError, match="Set TICKOVER_APP=package"):
        handlers.tick({}, None)
