"""What `@jobs.job` takes, and what it refuses at once because it could only fail later (3-api, section 2)."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from tests.unit.handlers import kind_of
from tickover import AsyncContext, Context, Handler, Tickover
from tickover.engine.registry import Registry
from tickover.errors import HandlerNotFound, InvalidArgument

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForCheckers


@pytest.fixture
def jobs() -> Tickover:
    return Tickover("sqlite://")


def send_the_mail(to: str) -> None: ...


async def crawl(ctx: AsyncContext, url: str) -> None: ...


def plain(ctx: Context, url: str) -> None: ...


class MyContext(Context):
    """A user's own subclass is recognised as well."""


def subclassed(ctx: MyContext, url: str) -> None: ...


def test_the_name_is_the_functions_with_dashes() -> None:
    assert kind_of(send_the_mail).name == "send-the-mail"
    assert kind_of(send_the_mail, "mail").name == "mail"


@pytest.mark.parametrize(("fn", "is_async"), [(crawl, True), (plain, False), (subclassed, False)])
def test_the_context_is_recognised_by_its_annotation_and_is_no_payload(fn: Any, is_async: bool) -> None:
    kind = kind_of(fn)

    assert (kind.takes_context, kind.is_async, [p.name for p in kind.parameters]) == (True, is_async, ["url"])


def test_a_parameter_named_ctx_without_annotation_is_a_payload() -> None:
    def fn(ctx, url: str = "") -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001  # that is the point

    assert not kind_of(fn).takes_context


def test_a_payload_may_be_any_where_the_context_has_been_named() -> None:
    def fn(ctx: Context, data: Any) -> None: ...

    assert [p.annotation for p in kind_of(fn).parameters] == [Any]


def star_args(*urls: str) -> None: ...
def star_kwargs(**options: str) -> None: ...
def first_any(data: Any) -> None: ...
def positional_only(url: str, /) -> None: ...
def late_context(url: str, ctx: Context) -> None: ...
def two_contexts(ctx: Context, other: Context) -> None: ...
def sync_with_async_context(ctx: AsyncContext) -> None: ...
async def async_with_sync_context(ctx: Context) -> None: ...
def either_context(ctx: Context | AsyncContext) -> None: ...
def maybe_context(ctx: Context | None) -> None: ...
def annotated_context(ctx: Annotated[AsyncContext, "x"]) -> None: ...
def only_for_checkers(price: OnlyForCheckers) -> None: ...
def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


def a_very_long_name() -> None: ...


a_very_long_name.__name__ = "a" * 256


class Sender:
    def __call__(self) -> None: ...

    def method(self) -> None: ...


@pytest.mark.parametrize(
    ("fn", "said"),
    [
        (star_args, r"takes \*urls; name its parameters"),
        (star_kwargs, r"takes \*options; name its parameters"),
        (first_any, "the first parameter is annotated Any, which could be a context or a payload; say which"),
        (positional_only, "url is positional-only"),
        (late_context, "the context comes first"),
        (two_contexts, "the context comes first"),
        (sync_with_async_context, "is a def handler: its context is Context, not AsyncContext"),
        (async_with_sync_context, "is an async def handler: its context is AsyncContext, not Context"),
        (either_context, "is a def handler: its context is Context"),
        (maybe_context, "is a def handler: its context is Context"),
        (annotated_context, "is a def handler: its context is Context"),
        (only_for_checkers, "'OnlyForCheckers' is not there at run time .imported under TYPE_CHECKING only"),
        (generator, "is a generator; a handler returns once"),
        (async_generator, "is a generator; a handler returns once"),
        (a_very_long_name, "is not a handler name"),
        (lambda: None, "'<lambda>' is not a handler name"),
        (functools.partial(send_the_mail, "a"), "takes a function"),
        (Sender(), "takes a function"),
        (Sender().method, "takes a function"),
        (print, "takes a function"),
        (5, "takes a function"),
    ],
)
def test_what_could_only_fail_later_is_refused(jobs: Tickover, fn: Any, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        jobs.job(fn)


@pytest.mark.parametrize("name", ["", "9a", "_a", "a b", "a/b", "ä", "a" * 256])
def test_a_bad_name_is_refused(jobs: Tickover, name: str) -> None:
    with pytest.raises(InvalidArgument, match="is not a handler name"):
        jobs.job(name)(send_the_mail)


def test_a_misspelt_option_is_refused_before_there_is_a_function(jobs: Tickover) -> None:
    with pytest.raises(InvalidArgument, match=r"@jobs\.job has no option retrys; it takes .*retries"):
        jobs.job(retrys=3)  # type: ignore[call-overload]  # that is the point


def test_a_refused_registration_leaves_nothing_behind(jobs: Tickover) -> None:
    with pytest.raises(InvalidArgument):
        jobs.job(first_any)
    with pytest.raises(HandlerNotFound):
        jobs.enqueue("first-any")


# --- names that meet ----------------------------------------------------------------------------------------------------


def other(n: int = 0) -> None: ...


def registry(*kinds: Any) -> Registry:
    made = Registry()
    for kind in kinds:
        made.add(kind)
    return made


def test_a_name_that_another_function_has_is_refused_and_the_message_says_whose() -> None:
    with pytest.raises(InvalidArgument, match=r"'mail' is registered already, by .*test_registration.*send_the_mail"):
        registry(kind_of(send_the_mail, "mail"), kind_of(other, "mail"))


@pytest.mark.parametrize(
    "second", [{"name": "post"}, {"name": "x", "aliases": ["mail"]}, {"name": "x", "aliases": ["post"]}]
)
def test_an_alias_is_a_name_like_any_other(second: dict[str, Any]) -> None:
    made = registry(kind_of(send_the_mail, "mail", aliases=["post"]))
    with pytest.raises(InvalidArgument, match="is registered already"):
        made.add(kind_of(other, **second))
    assert made.names() == ["mail", "post"]


def test_the_same_function_registered_again_replaces_itself() -> None:
    first, second = kind_of(send_the_mail, "mail"), kind_of(send_the_mail, "mail", retries=9)

    assert registry(first, second).find("mail") is second


def test_a_function_that_takes_its_alias_as_its_name_is_found_under_it_once() -> None:
    made = registry(kind_of(send_the_mail, "mail", aliases=["post"]), kind_of(send_the_mail, "post"))

    assert made.find("post").name == "post"
    assert made.names() == ["mail", "post"]


def test_an_alias_that_equals_the_name_does_no_harm() -> None:
    assert registry(kind_of(send_the_mail, "mail", aliases=["mail"])).names() == ["mail"]


def test_a_handler_is_found_by_name_and_by_alias() -> None:
    kind = kind_of(send_the_mail, "mail", aliases=["post", "letter"])
    made = registry(kind)

    assert made.find("mail") is made.find("post") is made.get("letter") is kind
    assert made.get("parcel") is None


def test_an_unknown_name_is_answered_with_the_nearest_one_and_the_mend() -> None:
    with pytest.raises(HandlerNotFound, match=r"'send-mial'\. Did you mean 'send-mail'\?.*imports=.*remote=True"):
        registry(kind_of(send_the_mail, "send-mail")).find("send-mial")
    with pytest.raises(HandlerNotFound, match=r"^No handler is registered under 'zzz'\. Import the module"):
        registry(kind_of(send_the_mail, "send-mail")).find("zzz")


def test_a_remote_handler_is_known_and_is_not_announced_as_run_here() -> None:
    made = registry(kind_of(send_the_mail, "ocr", remote=True, aliases=["scan"]), kind_of(other))

    assert made.find("scan").remote
    assert made.names() == ["other"]


# --- what the decorator returns -----------------------------------------------------------------------------------------


def test_the_decorator_works_bare_with_a_name_and_with_options(jobs: Tickover) -> None:
    handlers: list[Handler[..., None]] = [
        jobs.job(send_the_mail),
        jobs.job("mail")(send_the_mail),
        jobs.job(retries=1)(other),
    ]

    assert [handler.name for handler in handlers] == ["send-the-mail", "mail", "other"]
    assert repr(handlers[1]) == "<job 'mail'>"


def test_the_plain_function_stays_at_hand(jobs: Tickover) -> None:
    assert jobs.job(send_the_mail).fn is send_the_mail


def test_a_handler_is_not_callable_and_says_what_to_write_instead(jobs: Tickover) -> None:
    handler = jobs.job("mail")(send_the_mail)

    with pytest.raises(TypeError) as refusal:
        handler("a@b.c")  # type: ignore[operator]  # that is the point
    assert str(refusal.value) == (
        "'mail' is a job. In a job: ctx.call(send_the_mail, …). Elsewhere: .enqueue(…). Plain function: .fn(…)"
    )
