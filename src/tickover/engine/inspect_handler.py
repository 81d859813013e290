"""Looks at a function once, at registration: what could only fail later is refused there."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from tickover.domain.options import check_name
from tickover.engine.colour import AnyContext
from tickover.engine.registry import Kind, Parameter
from tickover.engine.typed import NOTHING
from tickover.errors import InvalidArgument


def inspect_handler(fn: Callable[..., Any], name: str | None, options: Mapping[str, Any]) -> Kind:
    """Builds the kind of a function; refuses what could only fail later.

    Args:
        fn: the user's function.
        name: its kind; None takes the function's name with `-` for `_`.
        options: checked registration options.

    Raises:
        InvalidArgument: see 3-api, §2, "Refused at registration".
    """
    if not inspect.isfunction(fn):
        raise InvalidArgument(f"@jobs.job takes a function, not {fn!r:.80}; wrap methods and callables in a def.")
    name = check_name(fn.__name__.replace("_", "-") if name is None else name, "handler")
    is_async = inspect.iscoroutinefunction(fn)
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise InvalidArgument(f"{name!r} is a generator; a handler returns once.")
    hints = _hints(fn, name)
    listed = list(inspect.signature(fn).parameters.values())
    takes_context = bool(listed) and _is_context(hints.get(listed[0].name))
    if takes_context:
        _check_colour(name, hints[listed.pop(0).name], is_async=is_async)
    parameters = tuple(
        _parameter(name, p, hints, first=index == 0 and not takes_context) for index, p in enumerate(listed)
    )
    returns = hints.get("return", NOTHING)
    return Kind(name, fn, parameters, Any if returns is NOTHING else returns, takes_context, is_async, dict(options))


def _hints(fn: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(fn, include_extras=True)
    except NameError as error:
        raise InvalidArgument(
            f"{name!r}: the annotation {error.name!r} is not there at run time (imported under TYPE_CHECKING only?); "
            "import it for real, since payloads are validated by it."
        ) from error
    except TypeError as error:
        raise InvalidArgument(f"{name!r} has an annotation that cannot be read: {error}.") from error


def _is_context(hint: Any) -> bool:
    members = typing.get_args(hint) or (hint,)
    return any(isinstance(member, type) and issubclass(member, AnyContext) for member in members)


def _check_colour(name: str, hint: Any, *, is_async: bool) -> None:
    if not (isinstance(hint, type) and issubclass(hint, AnyContext) and hint.is_async == is_async):
        colour, wanted = ("an async def", "AsyncContext") if is_async else ("a def", "Context")
        raise InvalidArgument(
            f"{name!r} is {colour} handler: its context is {wanted}, not {getattr(hint, '__name__', hint)}."
        )


def _parameter(name: str, p: inspect.Parameter, hints: Mapping[str, Any], *, first: bool) -> Parameter:
    if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
        raise InvalidArgument(f"{name!r} takes *{p.name}; name its parameters, since stored payloads bind by name.")
    if p.kind is p.POSITIONAL_ONLY:
        raise InvalidArgument(f"{name!r}: {p.name} is positional-only; stored payloads bind by name.")
    hint = hints.get(p.name, Any)
    if first and p.name in hints and hint is Any:
        raise InvalidArgument(
            f"{name!r}: the first parameter is annotated Any, which could be a context or a payload; say which."
        )
    if not first and _is_context(hint):
        raise InvalidArgument(f"{name!r}: the context comes first.")
    return Parameter(p.name, hint, NOTHING if p.default is p.empty else p.default)
