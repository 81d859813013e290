"""Sealed text opens for its own place with a known key, and otherwise not at all."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.codec import AesGcmCodec
from tickover.errors import InvalidArgument, PayloadError

OLD, NEW = os.urandom(32), os.urandom(32)
CODEC = AesGcmCodec(keys={"k1": OLD}, active="k1")
PLACE = "args:01900000-0000-7000-8000-000000000001"


@given(st.text())
def test_every_text_comes_back_as_it_was(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()

    assert CODEC.open(CODEC.seal(text, PLACE), PLACE) == text


def test_a_text_that_looks_sealed_is_sealed_like_any_other() -> None:
    looks = CODEC.seal("1", PLACE)

    assert CODEC.open(CODEC.seal(looks, PLACE), PLACE) == looks


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert CODEC.seal("same", PLACE) != CODEC.seal("same", PLACE)


@pytest.mark.parametrize("place", [PLACE.replace("args", "result"), PLACE[:-1] + "2", "", PLACE + ":"])
def test_moved_to_another_job_or_column_it_does_not_open(place: str) -> None:
    with pytest.raises(PayloadError, match="was not sealed for this place"):
        CODEC.open(CODEC.seal("{}", PLACE), place)


def test_no_changed_byte_goes_unnoticed() -> None:
    sealed = CODEC.seal("12345678", PLACE)  # with nonce and tag 36 bytes: no bits are left over in its base64
    for n in range(len(sealed)):
        changed = sealed[:n] + ("A" if sealed[n] != "A" else "B") + sealed[n + 1 :]
        with pytest.raises(PayloadError):
            CODEC.open(changed, PLACE)


@pytest.mark.parametrize("text", ["tk1.", "tk1.k1", "tk1.k1.", "tk1.k1.AAAA", "tk1.k1.ä", "tk1..", "tk1.k1.A"])
def test_what_only_looks_sealed_is_refused(text: str) -> None:
    with pytest.raises(PayloadError):
        CODEC.open(text, PLACE)


def test_any_known_key_opens_and_the_active_one_seals() -> None:
    both = AesGcmCodec(keys={"k1": OLD, "k2": NEW}, active="k2")
    new = AesGcmCodec(keys={"k2": NEW}, active="k2")

    assert both.open(CODEC.seal("old", PLACE), PLACE) == "old"
    assert new.open(both.seal("new", PLACE), PLACE) == "new"
    with pytest.raises(PayloadError, match="no key 'k1' is known here"):
        new.open(CODEC.seal("old", PLACE), PLACE)


def test_a_key_under_another_id_opens_nothing() -> None:
    with pytest.raises(PayloadError):
        AesGcmCodec(keys={"k2": OLD}, active="k2").open(CODEC.seal("x", PLACE).replace("tk1.k1.", "tk1.k2."), PLACE)


def test_plain_text_is_refused_unless_it_is_asked_for() -> None:
    with pytest.raises(PayloadError, match="plain text where sealed text is expected"):
        CODEC.open('{"a":1}', PLACE)
    assert AesGcmCodec(keys={"k1": OLD}, active="k1", strict=False).open('{"a":1}', PLACE) == '{"a":1}'


@pytest.mark.parametrize(
    ("keys", "active"),
    [
        ({}, "k1"), ({"k1": OLD}, "k2"), ({"k1": bytes(32)}, "k1"), ({"k1": b"short"}, "k1"), ({"k1": OLD + b"x"}, "k1"),
        ({"k1": "x" * 32}, "k1"), ({"k.1": OLD}, "k.1"), ({"": OLD}, ""), ({"k1": OLD, "k2": b""}, "k1"),
    ],
)  # fmt: skip
def test_a_key_that_is_none_is_refused(keys: dict[str, Any], active: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        AesGcmCodec(keys=keys, active=active)
    assert OLD.hex() not in str(refused.value)


def test_no_key_is_shown() -> None:
    assert repr(CODEC) == "<AesGcmCodec, active key 'k1' of 1>"
