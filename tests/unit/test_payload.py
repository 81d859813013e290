from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tickover.domain.payload import ERROR_LENGTH, MAX_BYTES, MAX_DEPTH, decode, encode, safe_text
from tickover.errors import PayloadError

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
wild_texts = st.text(st.characters(), max_size=20)


def documents(strings: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    numbers = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    leaves = st.none() | st.booleans() | numbers | strings
    return st.recursive(leaves, lambda c: st.lists(c, max_size=4) | st.dictionaries(strings, c, max_size=4))


class Colour(str, Enum):  # noqa: UP042  # not a StrEnum: its str() is not its value
    RED = "red"


class Size(IntEnum):
    SMALL = 1


@dataclass
class Line:
    sku: str
    price: Decimal


class Order(BaseModel):
    id: UUID
    placed: datetime
    lines: list[Line]


class Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


@given(documents(texts))
def test_what_is_stored_comes_back_equal(document: Any) -> None:
    assert decode(encode(document)) == document


@given(documents(texts))
def test_storing_again_what_came_back_changes_nothing(document: Any) -> None:
    once = encode(document)

    assert encode(decode(once)) == once


@given(documents(wild_texts))
def test_the_lossy_form_takes_any_text_and_every_database_takes_the_lossy_form(document: Any) -> None:
    text = encode(document, lossy=True)

    assert "\0" not in json.dumps(decode(text), ensure_ascii=False)
    assert text.encode().decode() == text


def test_equal_documents_have_one_text() -> None:
    assert encode({"b": 1, "a": [1, 2]}) == encode({"a": (1, 2), "b": 1}) == '{"a":[1,2],"b":1}'


def test_text_is_stored_as_it_is_and_not_as_escapes() -> None:
    assert encode("größe ✓") == '"größe ✓"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (Colour.RED, '"red"'),
        (Size.SMALL, "1"),
        (Loud("abc"), '"abc"'),
        (Decimal("1.10"), '"1.10"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (datetime(2024, 5, 17, 12, tzinfo=UTC), '"2024-05-17T12:00:00Z"'),
        (date(2024, 5, 17), '"2024-05-17"'),
        (time(12, 30), '"12:30:00"'),
        (timedelta(hours=1), '"PT1H"'),
        (Path("/a/b"), '"/a/b"'),
        (b"bytes", '"bytes"'),
        ({3}, "[3]"),
        (frozenset({"x"}), '["x"]'),
        (Line("a", Decimal("2.5")), '{"price":"2.5","sku":"a"}'),
    ],
)
def test_what_pydantic_can_serialise_is_taken(value: Any, text: str) -> None:
    assert encode(value) == text


def test_models_are_taken_at_any_depth() -> None:
    order = Order(id=UUID(int=7), placed=datetime(2024, 1, 1, tzinfo=UTC), lines=[Line("a", Decimal(3))])

    assert decode(encode({"orders": [order]}))["orders"][0]["lines"] == [{"sku": "a", "price": "3"}]


@pytest.mark.parametrize(
    ("value", "path", "said"),
    [
        ("a\0b", "$", "NUL"),
        ({"a": ["\0"]}, "$.a[0]", "NUL"),
        ({"\0": 1}, "$", "NUL"),
        ("\ud800", "$", "lone surrogate"),
        ({"a": {"b": "\udfff"}}, "$.a.b", "lone surrogate"),
        ([1.0, math.nan], "$[1]", "nan"),
        (math.inf, "$", "inf"),
        (-math.inf, "$", "-inf"),
        (2**63, "$", "64 bits"),
        (-(2**63), "$", "64 bits"),
        ({"n": 10**5000}, "$.n", "64 bits"),
        ({1: "a"}, "$", "keys of a JSON object are strings"),
        ({"a": {None: 1}}, "$.a", "keys of a JSON object are strings"),
        ({"a": {("x",): 1}}, "$.a", "keys of a JSON object are strings"),
        ({"a": object()}, "$.a", "object, which has no JSON form"),
        ([print], "$[0]", "no JSON form"),
        (b"\xff", "$", "bytes, which has no JSON form"),
        ([Decimal("NaN"), {math.nan}], "$[1][0]", "nan"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_place(value: Any, path: str, said: str) -> None:
    with pytest.raises(PayloadError, match=said) as refusal:
        encode(value)

    assert refusal.value.path == path


def test_a_model_that_hides_what_cannot_be_stored_is_refused_too() -> None:
    with pytest.raises(PayloadError, match="NUL"):
        encode({"line": Line("a\0", Decimal(1))})


def test_the_path_begins_where_the_caller_says() -> None:
    with pytest.raises(PayloadError) as refusal:
        encode({"to": "\0"}, path="$.mail")

    assert refusal.value.path == "$.mail.to"


def nested(levels: int) -> Any:
    value: Any = "leaf"
    for _ in range(levels):
        value = [value]
    return value


def test_64_levels_are_taken_and_65_are_not() -> None:
    assert decode(encode(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(PayloadError, match="deeper than 64 levels"):
        encode(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("lossy", [False, True])
def test_a_value_that_contains_itself_is_refused(lossy: bool) -> None:
    value: dict[str, Any] = {}
    value["self"] = [value]

    with pytest.raises(PayloadError, match="deeper than 64 levels"):
        encode(value, lossy=lossy)


def test_a_dataclass_that_contains_itself_is_refused() -> None:
    @dataclass
    class Node:
        next: Any

    node = Node(None)
    node.next = node

    with pytest.raises(PayloadError, match="no JSON form"):
        encode(node)


def test_a_mebibyte_is_taken_and_one_byte_more_is_not() -> None:
    assert len(encode("x" * (MAX_BYTES - 2))) == MAX_BYTES
    with pytest.raises(PayloadError, match="larger than 1 MiB"):
        encode("x" * (MAX_BYTES - 1))


def test_size_is_counted_in_bytes() -> None:
    with pytest.raises(PayloadError, match="larger than 1 MiB"):
        encode("€" * (MAX_BYTES // 2))


def test_the_lossy_form_does_not_lift_the_limit_of_size() -> None:
    with pytest.raises(PayloadError, match="larger than 1 MiB"):
        encode("x\0" * MAX_BYTES, lossy=True)


def test_the_lossy_form_replaces_nul_and_lone_surrogates_and_nothing_else() -> None:
    assert encode("a\0b\ud800c ✓", lossy=True) == '"a�b�c ✓"'


@pytest.mark.parametrize("text", ["", "{", "nul", '{"a":}', "1" * 5000, "[" * 100_000])
def test_a_text_that_somebody_else_wrote_badly_is_a_payload_error(text: str) -> None:
    with pytest.raises(PayloadError, match="not JSON that can be read"):
        decode(text)


@given(wild_texts)
def test_safe_text_is_storable_and_as_long(text: str) -> None:
    safe = safe_text(text)

    assert safe.encode().decode() == safe
    assert "\0" not in safe
    assert len(safe) == len(text)


def test_a_long_error_is_cut_and_says_so() -> None:
    cut = safe_text("x" * (ERROR_LENGTH + 1))

    assert len(cut) == ERROR_LENGTH
    assert cut.endswith("…")
    assert safe_text("x" * ERROR_LENGTH) == "x" * ERROR_LENGTH
