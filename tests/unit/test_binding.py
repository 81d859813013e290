"""How a payload meets a handler's parameters (3-api, section 2)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from tests.unit.handlers import called, kind_of
from tickover import Context
from tickover.errors import PayloadError


class Mail(BaseModel):
    to: str
    subject: str = "Welcome"


def nothing() -> str:
    return "ran"


def one(n: int) -> Any:
    return n


def one_mail(mail: Mail) -> Any:
    return mail


def maybe(n: int | None) -> Any:
    return ("got", n)


def any_of_it(data: dict[str, Any]) -> Any:
    return data


def several(url: str, width: int = 200, height: int = 100) -> Any:
    return (url, width, height)


def both(a: int, b: str) -> Any:
    return (a, b)


def all_optional(a: int = 1, b: int = 2) -> Any:
    return (a, b)


def with_context(ctx: Context, url: str, width: int = 200) -> Any:
    return (url, width)


def unannotated(data) -> Any:  # type: ignore[no-untyped-def]  # noqa: ANN001  # that is the point
    return data


# --- from arguments to what is stored -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fn", "args", "kwargs", "text"),
    [
        (nothing, (), {}, None),
        (one, (5,), {}, "5"),
        (one, (), {"n": 5}, "5"),
        (one_mail, (Mail(to="a@b.c"),), {}, '{"subject":"Welcome","to":"a@b.c"}'),
        (maybe, (None,), {}, "null"),
        (several, ("u",), {}, '{"url":"u"}'),
        (several, ("u", 5), {"height": 7}, '{"height":7,"url":"u","width":5}'),
        (all_optional, (), {}, "{}"),
        (with_context, ("u",), {}, '{"url":"u"}'),
        (unannotated, ({"a": (1,)},), {}, '{"a":[1]}'),
    ],
)
def test_no_parameter_stores_nothing_one_stores_its_value_several_an_object_by_name(
    fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any], text: str | None
) -> None:
    assert kind_of(fn).payload_of(args, kwargs) == text


@pytest.mark.parametrize(
    ("fn", "args", "kwargs", "said"),
    [
        (nothing, (1,), {}, "'nothing' takes .*too many positional arguments"),
        (one, (), {}, "'one' takes .*missing a required argument: 'n'"),
        (one, (1, 2), {}, "too many positional arguments"),
        (several, ("u",), {"widht": 1}, "unexpected keyword argument 'widht'"),
        (with_context, (), {}, "missing a required argument: 'url'"),
        (one, ("x",), {}, r"'one' refuses \$\.n: Input should be a valid integer"),
        (one, (None,), {}, r"'one' refuses \$\.n"),
        (one_mail, ({"subject": "x"},), {}, r"'one-mail' refuses \$\.mail\.to: Field required"),
        (both, (1, 2), {}, r"'both' refuses \$\.b: Input should be a valid string"),
        (unannotated, (object(),), {}, "no JSON form"),
        (one, (2**63,), {}, "64 bits"),
    ],
)
def test_what_does_not_fit_the_annotations_is_refused_at_enqueue(
    fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any], said: str
) -> None:
    with pytest.raises(PayloadError, match=said):
        kind_of(fn).payload_of(args, kwargs)


def test_a_model_that_was_made_invalid_behind_its_back_is_refused() -> None:
    with pytest.raises(PayloadError):
        kind_of(one_mail).payload_of((Mail.model_construct(to=5),), {})


# --- from what is stored to arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fn", "text", "result"),
    [
        (nothing, None, "ran"),
        (nothing, '{"left":"over"}', "ran"),
        (one, "5", 5),
        (one, '"5"', 5),
        (one_mail, '{"to":"a"}', Mail(to="a")),
        (maybe, "null", ("got", None)),
        (any_of_it, '{"data":{"x":1}}', {"data": {"x": 1}}),
        (several, '{"url":"u"}', ("u", 200, 100)),
        (several, '{"url":"u","height":7}', ("u", 200, 7)),
        (several, '"u"', ("u", 200, 100)),
        (both, '{"b":"x","a":1}', (1, "x")),
        (all_optional, "{}", (1, 2)),
        (all_optional, '{"b":5}', (1, 5)),
        (all_optional, "7", (7, 2)),
        (all_optional, None, (1, 2)),
        (unannotated, "[1]", [1]),
    ],
)
def test_a_stored_payload_binds_by_its_shape(fn: Any, text: str | None, result: Any) -> None:
    assert called(kind_of(fn), text) == result


@pytest.mark.parametrize(
    ("fn", "text", "said", "path"),
    [
        (one, None, "'one' needs n, and the job has no payload", "$"),
        (both, None, "'both' needs a, b, and the job has no payload", "$"),
        (one, '"x"', r"refuses \$: Input should be a valid integer", "$"),
        (one, "null", r"refuses \$", "$"),
        (one_mail, '{"to":5}', r"refuses \$\.to", "$.to"),
        (both, '"x"', "'both' needs an object with a, b", "$"),
        (both, '{"a":1}', "needs an object with a, b", "$"),
        (both, '{"a":1,"b":5}', r"refuses \$\.b", "$.b"),
        (several, '{"url":"u","colour":1}', "takes no colour", "$.colour"),
        (all_optional, '{"a":"x"}', r"refuses \$\.a", "$.a"),
        (one, "{", "not JSON", "$"),
    ],
)
def test_a_stored_payload_that_does_not_fit_is_refused_with_its_place(fn: Any, text: str, said: str, path: str) -> None:
    with pytest.raises(PayloadError, match=said) as refusal:
        kind_of(fn).bind(text)
    assert refusal.value.path == path


# --- handlers that grew -------------------------------------------------------------------------------------------------


def grown_nothing(n: int = 3) -> Any:
    return n


def grown_one(n: int, twice: bool = False) -> Any:  # a defaulted parameter more
    return (n, twice)


def grown_mail(mail: Mail, urgent: bool = False) -> Any:
    return (mail, urgent)


def grown_optional(data: dict[str, Any] = {}, more: int = 1) -> Any:  # noqa: B006  # as users write it
    return (data, more)


def grown_both(a: int, b: str, c: float = 0.5) -> Any:
    return (a, b, c)


@pytest.mark.parametrize(
    ("before", "after", "args", "result"),
    [
        (nothing, grown_nothing, (), 3),
        (one, grown_one, (5,), (5, False)),
        (one_mail, grown_mail, (Mail(to="a"),), (Mail(to="a"), False)),
        (any_of_it, grown_optional, ({"x": 1},), ({"x": 1}, 1)),
        (any_of_it, grown_optional, ({},), ({}, 1)),
        (both, grown_both, (1, "x"), (1, "x", 0.5)),
    ],
)
def test_adding_a_defaulted_parameter_keeps_stored_jobs_runnable(
    before: Any, after: Any, args: Any, result: Any
) -> None:
    stored = kind_of(before).payload_of(args, {})

    assert called(kind_of(after), stored) == result


def test_none_is_a_payload_and_no_payload_is_none() -> None:
    kind = kind_of(grown_maybe)

    assert kind.payload_of((None,), {}) == "null"
    assert kind.payload_of((), {}) is None
    assert called(kind, "null") is None
    assert called(kind, None) == 5


def grown_maybe(n: int | None = 5) -> Any:
    return n


# --- by name ------------------------------------------------------------------------------------------------------------


def test_a_payload_by_name_is_checked_as_it_will_be_at_the_run_and_stored_as_it_was_given() -> None:
    assert kind_of(one_mail).payload_from({"to": "a"}) == '{"to":"a"}'
    with pytest.raises(PayloadError, match=r"refuses \$\.to"):
        kind_of(one_mail).payload_from({"to": 5})
