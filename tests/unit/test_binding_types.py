"""Values of many types arrive as they were sent."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, computed_field

from tests.unit.handlers import called, kind_of
from tickover.domain.payload import encode


class Colour(str, Enum):  # noqa: UP042  # not a StrEnum: its str() is not its value
    RED = "red"


class Aliased(BaseModel):
    plain: int = Field(alias="Plain-Name")
    read_as: int = Field(validation_alias="readAs")
    written_as: int = Field(serialization_alias="writtenAs")


class Derived(BaseModel):
    model_config = ConfigDict(extra="forbid")
    net: int

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own way to write it
    @property
    def gross(self) -> int:
        return self.net * 2


def takes_much(when: datetime, day: date, price: Decimal, tags: set[str], pair: tuple[int, Colour]) -> Any:
    return (when, day, price, tags, pair)


@given(
    st.datetimes(timezones=st.just(UTC)), st.dates(), st.decimals(allow_nan=False, allow_infinity=False),
    st.sets(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))), st.integers(-(2**60), 2**60),
)  # fmt: skip
def test_values_arrive_with_the_types_of_the_annotations(
    when: datetime, day: date, price: Decimal, tags: set[str], number: int
) -> None:
    kind = kind_of(takes_much)
    sent = (when, day, price, tags, (number, Colour.RED))

    assert called(kind, kind.payload_of(sent, {})) == sent


def takes_aliased(model: Aliased) -> Any:
    return model


def takes_derived(model: Derived) -> Any:
    return model


def returns_aliased() -> Aliased:
    raise NotImplementedError  # only its annotation is read


@pytest.mark.parametrize(
    ("fn", "model"),
    [
        (takes_aliased, Aliased.model_validate({"Plain-Name": 1, "readAs": 2, "written_as": 3})),
        (takes_derived, Derived(net=5)),
    ],
)
def test_models_arrive_whatever_aliases_and_computed_fields_they_have(fn: Any, model: BaseModel) -> None:
    kind = kind_of(fn)

    assert called(kind, kind.payload_of((model,), {})) == model


def test_a_payload_by_name_may_use_a_models_aliases() -> None:
    text = encode({"Plain-Name": 1, "readAs": 2, "written_as": 3})

    assert called(kind_of(takes_aliased), text).plain == 1


def test_results_arrive_whatever_aliases_they_have() -> None:
    kind = kind_of(returns_aliased)
    model = Aliased.model_validate({"Plain-Name": 1, "readAs": 2, "written_as": 3})

    assert kind.result_value(kind.result_text(model)) == model
