from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.domain.options import (
    EnqueueOptions,
    HandlerOptions,
    check_enqueue_options,
    check_handler_options,
    check_name,
)
from tickover.domain.retry import ExponentialBackoff
from tickover.errors import InvalidArgument, PayloadError

NAMES = ["a", "Z", "send-email", "a.b_c-9", "a" * 255]
NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)


def wait(_n: int, _error: BaseException) -> float:
    return 5.0


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_letter_and_then_letters_digits_and_marks(name: str) -> None:
    assert check_name(name, "queue") == name


@pytest.mark.parametrize("name", ["", "9a", "_a", "-a", "a b", "a\n", "a\0", "ä", "a/b", "a" * 256, None, 5, b"a"])
def test_anything_else_is_no_name(name: object) -> None:
    with pytest.raises(InvalidArgument, match="is not a queue name"):
        check_name(name, "queue")


@pytest.mark.parametrize("check", [check_handler_options, check_enqueue_options])
@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("queue", "a b", "is not a queue name"),
        ("queue", 5, "is not a queue name"),
        ("priority", 32768, "priority= takes a whole number from -32768 to 32767"),
        ("priority", -32769, "priority="),
        ("priority", 1.5, "priority="),
        ("priority", True, "priority="),
        ("retries", -1, "retries= takes a whole number from 0"),
        ("retries", "3", "retries="),
        ("retries", 10**9, "retries="),
        ("max_crashes", 0, "max_crashes= takes a whole number from 1"),
        ("timeout", 0, "timeout= must be from 0.001"),
        ("timeout", -5, "timeout="),
        ("timeout", "30", "timeout= takes seconds or a timedelta"),
        ("timeout", math.nan, "timeout="),
        ("tenant", "a\0", "tenant= takes 1 to 255 characters without NUL"),
        ("tenant", "t" * 256, "tenant="),
        ("tenant", 7, "tenant="),
        ("meta", "text", "meta= takes a dict"),
        ("meta", [("a", 1)], "meta= takes a dict"),
        ("meta", {"a": "x" * 70_000}, "meta= may be 64 KiB"),
        ("backoff", 5, "backoff= takes ExponentialBackoff"),
        ("determinism", "loose", 'determinism= is "explicit" or "strict"'),
        ("remote", 1, "remote= is True or False"),
        ("retrys", 3, "has no option retrys; it takes .*retries"),
    ],
)
def test_a_wrong_option_is_refused_by_name_wherever_it_is_said(
    check: Any, option: str, value: object, said: str
) -> None:
    with pytest.raises(InvalidArgument, match=said):
        check({option: value})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delay": -1}, "delay= must be from 0"),
        ({"delay": "soon"}, "delay= takes seconds or a timedelta"),
        ({"delay": 10**10}, "delay="),
        ({"at": datetime(2024, 5, 17)}, "at= takes an aware datetime"),  # noqa: DTZ001  # naive on purpose
        ({"at": "2024-05-17"}, "at= takes an aware datetime"),
        ({"at": datetime(1969, 1, 1, tzinfo=UTC)}, "between the years 1970 and 9000"),
        ({"at": datetime(9999, 1, 1, tzinfo=UTC)}, "between the years 1970 and 9000"),
        ({"delay": 5, "at": NOON}, "either delay= or at="),
        ({"unique": ""}, "unique= takes 1 to 255 characters"),
        ({"unique": "k" * 256}, "unique="),
        ({"unique": "a\0"}, "unique="),
        ({"unique": 7}, "unique="),
        ({"idempotency_key": ""}, "idempotency_key= takes 1 to 255"),
        ({"idempotency_key": "k", "idempotency_ttl": 0}, "idempotency_ttl= must be from 1"),
        ({"idempotency_ttl": 60}, "idempotency_ttl= needs an idempotency_key="),
        ({"backoff": wait}, "A function as backoff= is an option of @jobs.job"),
        ({"aliases": ["a"]}, "enqueue has no option aliases"),
        ({"limits": []}, "enqueue has no option limits"),
    ],
)
def test_what_one_enqueue_cannot_do_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        check_enqueue_options(options)


@pytest.mark.parametrize("option", ["delay", "at", "unique", "idempotency_key", "idempotency_ttl", "session"])
def test_what_belongs_to_one_enqueue_is_refused_at_registration(option: str) -> None:
    with pytest.raises(InvalidArgument, match=f"@jobs.job has no option {option}"):
        check_handler_options({option: 5})


@pytest.mark.parametrize("option", ["unique", "tenant", "idempotency_key"])
def test_a_key_with_a_lone_surrogate_is_refused(option: str) -> None:
    with pytest.raises(PayloadError, match="lone surrogate"):
        check_enqueue_options({option: "a\ud800"})


def test_an_alias_is_a_name() -> None:
    with pytest.raises(InvalidArgument, match="is not a handler name"):
        check_handler_options({"aliases": ["good", "not good"]})


@pytest.mark.parametrize("limits", [[object()], "crm", 5])
def test_limits_that_are_none_are_refused_and_not_ignored(limits: object) -> None:
    with pytest.raises(InvalidArgument, match="limits= takes"):
        check_handler_options({"limits": limits})


def test_meta_that_is_no_json_is_refused() -> None:
    with pytest.raises(PayloadError):
        check_enqueue_options({"meta": {"a": object()}})


def test_none_means_not_said() -> None:
    assert check_enqueue_options({"queue": None, "delay": None, "unique": None}) == {}


def test_options_come_back_in_their_stored_form() -> None:
    checked = check_enqueue_options(
        {"delay": timedelta(minutes=1), "timeout": timedelta(seconds=2), "meta": {"b": 1, "a": [2]}, "tenant": ""}
    )

    assert checked == {"delay": 60.0, "timeout": 2.0, "meta": '{"a":[2],"b":1}', "tenant": ""}


def test_instants_come_back_in_utc() -> None:
    berlin = timezone(timedelta(hours=2))

    assert check_enqueue_options({"at": datetime(2024, 5, 17, 14, tzinfo=berlin)}) == {"at": NOON}


def test_registration_takes_what_only_it_takes() -> None:
    checked = check_handler_options({"aliases": ["old", "older"], "limits": [], "remote": True, "backoff": wait})

    assert checked == {"aliases": ("old", "older"), "limits": (), "remote": True, "backoff": wait}


def test_every_public_option_is_checked_and_every_checked_option_is_public() -> None:
    session = object()
    said: dict[str, Any] = {
        "queue": "q", "priority": 1, "retries": 1, "max_crashes": 1, "timeout": 1.0, "tenant": "t", "meta": {},
        "backoff": ExponentialBackoff(), "determinism": "strict", "delay": 1.0, "unique": "u", "idempotency_key": "i",
        "idempotency_ttl": 1.0, "session": session,
    }  # fmt: skip

    assert set(check_enqueue_options(said)) == set(EnqueueOptions.__annotations__) - {"at"}
    assert set(HandlerOptions.__annotations__) - set(EnqueueOptions.__annotations__) == {"aliases", "limits", "remote"}


@given(st.integers())
def test_a_priority_is_sixteen_bits(number: int) -> None:
    if -32768 <= number <= 32767:
        assert check_enqueue_options({"priority": number}) == {"priority": number}
    else:
        with pytest.raises(InvalidArgument, match="priority="):
            check_enqueue_options({"priority": number})


@given(st.text(min_size=1, max_size=300))
def test_whatever_is_accepted_as_a_key_can_be_stored(key: str) -> None:
    try:
        stored = check_enqueue_options({"unique": key})["unique"]
    except (InvalidArgument, PayloadError):
        return
    assert stored == key
    assert key.encode()
    assert "\0" not in key
