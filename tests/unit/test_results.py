"""How a handler's return value is stored, and comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from tests.unit.handlers import kind_of
from tickover.errors import PayloadError


class Thumb(BaseModel):
    url: str


def no_annotation():  # type: ignore[no-untyped-def]  # that is the point
    raise NotImplementedError  # only its signature is read


def anything() -> Any:
    raise NotImplementedError


def number() -> int:
    raise NotImplementedError


def share() -> float:
    raise NotImplementedError


def text_or_none() -> str | None:
    raise NotImplementedError


def nothing() -> None:
    raise NotImplementedError


def instant() -> datetime:
    raise NotImplementedError


def thumbs() -> list[Thumb]:
    raise NotImplementedError


def positive() -> Annotated[int, Field(gt=0)]:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("fn", "value", "text", "back"),
    [
        (no_annotation, {"a": (1,)}, '{"a":[1]}', {"a": [1]}),
        (anything, Thumb(url="u"), '{"url":"u"}', {"url": "u"}),
        (number, 5, "5", 5),
        (share, 1, "1.0", 1.0),
        (text_or_none, "x", '"x"', "x"),
        (instant, datetime(2024, 1, 1, tzinfo=UTC), '"2024-01-01T00:00:00Z"', datetime(2024, 1, 1, tzinfo=UTC)),
        (thumbs, [Thumb(url="u")], '[{"url":"u"}]', [Thumb(url="u")]),
        (positive, 5, "5", 5),
    ],
)
def test_a_result_comes_back_with_the_type_of_the_return_annotation(fn: Any, value: Any, text: str, back: Any) -> None:
    kind = kind_of(fn)

    assert kind.result_text(value) == text
    assert kind.result_value(text) == back
    assert type(kind.result_value(text)) is type(back)


@pytest.mark.parametrize("fn", [no_annotation, number, nothing, thumbs])
def test_nothing_returned_is_nothing_stored(fn: Any) -> None:
    kind = kind_of(fn)

    assert kind.result_text(None) is None
    assert kind.result_value(None) is None


@pytest.mark.parametrize(
    ("fn", "value", "said"),
    [
        (number, "x", r"'number' refuses \$: Input should be a valid integer"),
        (nothing, 5, r"'nothing' refuses \$: Input should be None"),
        (thumbs, [{"link": "u"}], r"'thumbs' refuses \$\[0\]\.url: Field required"),
        (positive, -5, r"'positive' refuses \$: Input should be greater than 0"),
        (anything, object(), "no JSON form"),
        (share, float("nan"), "which JSON cannot hold"),
    ],
)
def test_a_result_that_is_not_what_the_annotation_says_is_refused(fn: Any, value: Any, said: str) -> None:
    with pytest.raises(PayloadError, match=said):
        kind_of(fn).result_text(value)


def test_a_result_is_stored_although_its_text_has_parts_that_no_database_takes() -> None:
    assert kind_of(anything).result_text({"log": "a\0b\ud800"}) == '{"log":"a�b�"}'


def test_a_stored_result_that_no_longer_fits_the_annotation_is_refused() -> None:
    with pytest.raises(PayloadError, match=r"'thumbs' refuses \$"):
        kind_of(thumbs).result_value('"x"')
