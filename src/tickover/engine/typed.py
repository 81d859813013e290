"""Values of user functions as JSON text and back, by their annotation: first run and replay give equal values."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from functools import cached_property
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin
from weakref import WeakKeyDictionary

from tickover.domain.payload import decode, encode
from tickover.errors import PayloadError

#: Values of exactly these types need no validation library: JSON gives them back as they were.
PLAIN: Final = (str, int, bool, type(None))
NOTHING: Final = object()
_of_functions: WeakKeyDictionary[Callable[..., Any], Typed] = WeakKeyDictionary()


class Typed:
    """A type by its annotation; `what` names the value in messages."""

    def __init__(self, annotation: Any, what: str) -> None:
        self.annotation = Any if annotation in (NOTHING, inspect.Parameter.empty) else annotation
        self.what = what

    def text(self, value: Any, *, lossy: bool = True) -> str | None:
        """The stored form of a value; None stays None.

        Raises:
            PayloadError: it does not fit the annotation, or has no JSON form.
        """
        if value is None:
            return None
        if self.annotation is Any or (type(value) in PLAIN and type(value) in _members(self.annotation)):
            return encode(value, lossy=lossy)
        return encode(self._dumped(value), lossy=lossy)

    def value(self, text: str | None) -> Any:
        """What `text` stored, with the type that the annotation says; raises `PayloadError` where it does not fit."""
        if text is None:
            return None
        plain = decode(text) if self.annotation in (Any, *PLAIN) else None
        if self.annotation is Any or type(plain) is self.annotation:
            return plain
        from pydantic import ValidationError

        try:
            return self._adapter.validate_json(text, by_alias=True, by_name=True)
        except ValidationError as error:
            raise refused(self.what, "$", error) from error

    def _dumped(self, value: Any) -> Any:
        from pydantic import ValidationError
        from pydantic_core import PydanticSerializationError

        try:
            valid = self._adapter.validate_python(value)
            return self._adapter.dump_python(valid, mode="json", round_trip=True, warnings="error")
        except ValidationError as error:
            raise refused(self.what, "$", error) from error
        except (PydanticSerializationError, ValueError) as error:
            raise PayloadError(f"{self.what} cannot be stored: {error}.") from error

    @cached_property
    def _adapter(self) -> Any:
        from pydantic import TypeAdapter

        return TypeAdapter(self.annotation)


def returned_by(fn: Callable[..., Any]) -> Typed:
    """The type that a function's return annotation says; JSON types where it says none."""
    known = _of_functions.get(fn) if _rememberable(fn) else None
    if known is None:
        known = Typed(_return_hint(fn), f"the result of {getattr(fn, '__name__', fn)!r}")
        if _rememberable(fn):
            _of_functions[fn] = known
    return known


def refused(what: str, path: str, error: Any) -> PayloadError:
    """The first complaint of pydantic, with the path from the payload's root."""
    complaint = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = path + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in complaint["loc"])
    return PayloadError(f"{what} refuses {where}: {complaint['msg']}.", path=where)


def _rememberable(fn: Callable[..., Any]) -> bool:
    return inspect.isfunction(fn)


def _return_hint(fn: Callable[..., Any]) -> Any:
    target = fn if inspect.isroutine(fn) else getattr(fn, "func", None) or type(fn).__call__
    try:
        return typing.get_type_hints(target, include_extras=True).get("return", NOTHING)
    except (NameError, TypeError):
        return NOTHING  # annotations that only a type checker sees: JSON types then


def _members(annotation: Any) -> tuple[Any, ...]:
    """The types of a union; else the one."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
