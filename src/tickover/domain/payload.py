"""One canonical JSON for everything stored: what is refused, and where it was.

PostgreSQL and SQLite do not refuse the same values, and PostgreSQL takes integers that Python cannot read back
(reliability study, 2.24). So the edge decides, once, before anything is sent: a row that cannot be read poisons a batch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from typing_extensions import TypeAliasType

from tickover.errors import PayloadError

#: What JSON can hold. A named alias, since pydantic must be able to read it in a user's annotations too.
JSON = TypeAliasType("JSON", "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None")

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 64
_MAX_INT: Final = 2**63 - 1
ERROR_LENGTH: Final = 4096
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def encode(value: object, *, lossy: bool = False, path: str = "$") -> str:
    """Returns `value` as canonical JSON text: sorted keys, no white space, UTF-8.

    Args:
        value: JSON types, or anything pydantic knows how to serialise (models, dataclasses, datetimes, …).
        lossy: replace NUL and lone surrogates by U+FFFD instead of refusing them (results and errors).
        path: where this value sits, for the message.

    Raises:
        PayloadError: with `.path`, when a part cannot be stored: NUL or lone surrogates, NaN or infinity, an integer
            beyond 64 bits, more than 64 levels, a key that is no string, more than 1 MiB, or no JSON form at all.
    """
    text = json.dumps(
        _canonical(value, path, 0, lossy=lossy),
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    if len(text) > MAX_BYTES // 4 and len(text.encode()) > MAX_BYTES:
        raise PayloadError(f"{path} is larger than 1 MiB as JSON; store it elsewhere and pass a reference.", path=path)
    return text


def decode(text: str) -> Any:
    """Reads back what `encode` wrote; a text that somebody else wrote may raise `PayloadError`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"The stored payload is not JSON that can be read: {error}.") from error


def safe_text(text: str, limit: int = ERROR_LENGTH) -> str:
    """Returns text that every database takes: NUL and lone surrogates replaced, at most `limit` characters."""
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return _UNSTORABLE.sub("�", text)


def _canonical(value: object, path: str, depth: int, *, lossy: bool) -> Any:
    if depth > MAX_DEPTH:
        raise PayloadError(f"{path[:80]}… is nested deeper than {MAX_DEPTH} levels.", path=path)
    match value:
        case None | bool():
            return value
        case str():
            return _string(str.__str__(value), path, lossy=lossy)  # str() of an enum is its name, not its value
        case int():
            if abs(value) > _MAX_INT:
                raise PayloadError(f"{path} is an integer beyond 64 bits; pass it as a string.", path=path)
            return int(value)
        case float():
            if not math.isfinite(value):
                raise PayloadError(f"{path} is {value}, which JSON cannot hold; use None or a string.", path=path)
            return float(value)
        case dict():
            return {
                _string(key, path, lossy=lossy) if isinstance(key, str) else _refuse_key(key, path): _canonical(
                    item, f"{path}.{key}", depth + 1, lossy=lossy
                )
                for key, item in value.items()
            }
        case list() | tuple():
            return [_canonical(item, f"{path}[{index}]", depth + 1, lossy=lossy) for index, item in enumerate(value)]
    return _canonical(_jsonable(value, path), path, depth, lossy=lossy)


def _string(text: str, path: str, *, lossy: bool) -> str:
    if text.isascii() and "\0" not in text:
        return text
    if lossy:
        return safe_text(text, MAX_BYTES + 1)
    if "\0" in text:
        raise PayloadError(f"{path} has a NUL character, which PostgreSQL cannot store.", path=path)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PayloadError(f"{path} has a lone surrogate, which is not valid Unicode text.", path=path) from error
    return text


def _refuse_key(key: object, path: str) -> str:
    raise PayloadError(f"{path} has the key {key!r:.40}; the keys of a JSON object are strings.", path=path)


def _jsonable(value: object, path: str) -> Any:
    # Here and not above: plain JSON never needs pydantic, and a tick that runs only plain jobs never imports it.
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        plain = to_jsonable_python(value, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError, UnicodeError, RecursionError) as error:
        raise PayloadError(
            f"{path} is a {type(value).__qualname__}, which has no JSON form: {error}.", path=path
        ) from error
    if type(plain) is type(value):  # a guard against a type that claims to be its own JSON form
        raise PayloadError(f"{path} is a {type(value).__qualname__}, which has no JSON form.", path=path)
    return plain
