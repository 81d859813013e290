from __future__ import annotations

import dataclasses
import inspect
from datetime import timedelta
from typing import Any

import pytest

from tickover import Settings, config
from tickover.config import read_duration, read_queues
from tickover.errors import ConfigurationError

NAMED = (  # noqa: SIM905  # as the contract writes them
    "database_url database_secret database_iam queues concurrency lease grace margin reap_limit max_ticks events "
    "code_version public_url secret tick_token retain_completed retain_failed retain_events transaction_timeout "
    "wake_function wake_queue_url wake_role_arn wake_url profile"
).split()
#: What came on top of it.
OURS = ("gb_second_price", "retain_audit", "wake_group", "wake_hops")

READ = {
    "database_url": ("postgresql://db/x", "postgresql://db/x"),
    "database_secret": ("arn:aws:x", "arn:aws:x"),
    "database_iam": ("1", True),
    "queues": ("default=10, emails=5", {"default": 10, "emails": 5}),
    "concurrency": ("20", 20),
    "lease": ("90s", 90.0),
    "grace": ("500ms", 0.5),
    "margin": ("3", 3.0),
    "reap_limit": ("0", 0),
    "max_ticks": ("3", 3),
    "events": ("failures", "failures"),
    "code_version": ("abc123", "abc123"),
    "public_url": ("https://x.example", "https://x.example"),
    "secret": ("new,old", "new,old"),
    "tick_token": ("t0k3n", "t0k3n"),
    "retain_completed": ("1.5d", 129_600.0),
    "retain_failed": ("12h", 43_200.0),
    "retain_events": ("90", 90.0),
    "retain_audit": ("730d", 63_072_000.0),
    "transaction_timeout": ("2m", 120.0),
    "wake_function": ("tick", "tick"),
    "wake_queue_url": ("https://sqs/x", "https://sqs/x"),
    "wake_role_arn": ("arn:aws:iam", "arn:aws:iam"),
    "gb_second_price": ("0.00001", 0.00001),
    "wake_group": ("ticks", "ticks"),
    "wake_url": ("https://x/tick", "https://x/tick"),
    "wake_hops": ("3", 3),
    "profile": ("zero-idle", "zero-idle"),
}


def test_the_settings_are_those_of_the_contract() -> None:
    names = [field.name for field in dataclasses.fields(Settings)]
    assert [name for name in names if name not in OURS] == NAMED
    assert set(READ) == set(names)


def test_every_setting_has_a_sentence() -> None:
    lines = inspect.getsource(config).splitlines()
    bare = [
        name
        for name in NAMED
        for at, line in enumerate(lines)
        if line.startswith(f"    {name}: ") and not lines[at - 1].strip().startswith(("#:", "wake_"))
    ]
    assert bare == []


@pytest.mark.parametrize("name", NAMED)
def test_every_setting_is_read_from_its_variable(name: str) -> None:
    text, value = READ[name]

    assert getattr(Settings.from_env({f"TICKOVER_{name.upper()}": f" {text} "}), name) == value


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()


def test_an_empty_variable_is_as_if_it_were_not_there() -> None:
    assert Settings.from_env({f"TICKOVER_{name.upper()}": "" for name in NAMED}) == Settings()


def test_database_url_is_used_when_no_variable_of_ours_is_there() -> None:
    assert Settings.from_env({"DATABASE_URL": "sqlite:///a.db"}).database_url == "sqlite:///a.db"
    both = {"DATABASE_URL": "sqlite:///a.db", "TICKOVER_DATABASE_URL": "sqlite:///b.db"}
    assert Settings.from_env(both).database_url == "sqlite:///b.db"


def test_keywords_beat_the_environment() -> None:
    assert Settings.from_env({"TICKOVER_LEASE": "90"}, lease=30).lease == 30.0


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKOVER_CONCURRENCY", "77")

    assert Settings.from_env().concurrency == 77


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("TICKOVER_LEASE", "soon", "expected seconds, or a number with ms, s, m, h or d"),
        ("TICKOVER_LEASE", "-5", "expected seconds"),
        ("TICKOVER_LEASE", "5 weeks", "expected seconds"),
        ("TICKOVER_CONCURRENCY", "many", "cannot be read"),
        ("TICKOVER_QUEUES", "default", "name=concurrency pairs, such as default=10"),
        ("TICKOVER_QUEUES", "default=x", "name=concurrency pairs"),
        ("TICKOVER_DATABASE_IAM", "maybe", "expected 1 or 0"),
    ],
)
def test_a_value_that_cannot_be_read_names_its_variable(variable: str, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refusal:
        Settings.from_env({variable: text})
    assert str(refusal.value).startswith(f"{variable}={text!r} cannot be read: ")


@pytest.mark.parametrize(
    ("text", "expected"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("no", False)]
)
def test_a_flag_is_one_of_three_pairs_of_words(text: str, expected: bool) -> None:
    assert Settings.from_env({"TICKOVER_DATABASE_IAM": text}).database_iam is expected


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lease": 0}, "Settings: lease= must be from 0.2"),
        ({"lease": "60"}, "Settings: lease= takes seconds or a timedelta"),
        ({"grace": -1}, "Settings: grace="),
        ({"margin": -1}, "Settings: margin="),
        ({"retain_completed": -1}, "Settings: retain_completed="),
        ({"retain_failed": -1}, "Settings: retain_failed="),
        ({"retain_events": -1}, "Settings: retain_events="),
        ({"retain_audit": -1}, "Settings: retain_audit="),
        ({"transaction_timeout": 0}, "Settings: transaction_timeout="),
        ({"concurrency": 0}, "Settings: concurrency must be 1 to 1000"),
        ({"concurrency": 1001}, "Settings: concurrency must be"),
        ({"concurrency": 2.5}, "Settings: concurrency must be"),
        ({"reap_limit": -1}, "Settings: reap_limit must be 0 to 10000"),
        ({"max_ticks": 0}, "Settings: max_ticks must be 1 to 1000"),
        ({"events": "some"}, "Settings: events must be all, failures or none"),
        ({"profile": "busy"}, "Settings: profile must be simple or zero-idle"),
        ({"queues": {"a b": 1}}, "Settings: 'a b' is not a queue name"),
        ({"queues": {"a": 0}}, r"Settings: queues\[a\] must be 1 to 1000"),
        ({"queues": {"a": "5"}}, r"Settings: queues\[a\]"),
        ({"queues": {}}, "Settings: queues must be None or name at least one queue"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Settings(**wrong)


def test_queues_that_name_none_would_serve_none_and_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one queue"):
        Settings.from_env({"TICKOVER_QUEUES": ","})


def test_durations_are_seconds_afterwards() -> None:
    settings = Settings(lease=timedelta(minutes=2), margin=timedelta(seconds=3))

    assert (settings.lease, settings.margin, settings.grace) == (120.0, 3.0, 5.0)


def test_settings_are_frozen_and_changed_copies_are_checked() -> None:
    settings = Settings()

    assert settings.but(lease=30).lease == 30.0
    assert settings.lease == 60.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.lease = 5  # type: ignore[misc]  # that is the point
    with pytest.raises(ConfigurationError):
        settings.but(lease=0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("500ms", 0.5), ("30s", 30), ("15m", 900), ("12 h", 43_200), ("7d", 604_800)],
)
def test_a_duration_is_a_number_with_or_without_a_unit(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


def test_queues_are_pairs() -> None:
    assert read_queues("a=1, b = 2,") == {"a": 1, "b": 2}
