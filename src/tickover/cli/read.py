"""Reads what people type: durations, instants, JSON, lists of queues; what cannot be read is explained in one line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import typer

from tickover.config import read_duration, read_queues
from tickover.errors import PayloadError


def read_seconds(text: str | None, option: str) -> float | None:
    """Seconds of `90`, `500ms`, `15m`, `12h` or `7d`; a usage error that names the option otherwise."""
    if text is None:
        return None
    try:
        return read_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}.", param_hint=option) from error


def read_instant(text: str | None) -> datetime | None:
    """The instant of an ISO 8601 text; without an offset it is this machine's local time."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return instant if instant.tzinfo else instant.astimezone()
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"{text!r}: expected a time such as 2030-01-31T09:00 or 2030-01-31T09:00:00+01:00.", param_hint="--at"
        ) from error


def read_rooms(text: str | None) -> dict[str, int] | list[str] | None:
    """The queues of `default=10,emails=5`, or of `default,emails`."""
    if text is None:
        return None
    if "=" not in text:
        return [name.strip() for name in text.split(",") if name.strip()]
    try:
        return read_queues(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}.", param_hint="--queues") from error


def read_meta(texts: Sequence[str] | None) -> dict[str, Any] | None:
    """The object of `key=value` pairs, whose values are texts, and of JSON objects, for values of other types."""
    if not texts:
        return None
    made: dict[str, Any] = {}
    for text in texts:
        if text.lstrip().startswith("{"):
            made.update(read_json(text, "--meta"))
            continue
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"{text!r}: expected key=value, or a JSON object.", param_hint="--meta")
        made[key] = value
    return made


def read_json(text: str, what: str) -> Any:
    """The value of a JSON text.

    Raises:
        PayloadError: it is not JSON, saying where and what stands there.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        there = text[error.pos : error.pos + 20]
        found = f"{error.msg}, before {there!r}" if there else f"{error.msg}, at the end"
        hint = "" if text.strip()[:1] in ("{", "[", '"') else "; a text keeps its own quotes, as in '\"hello\"'"
        raise PayloadError(f"{what} is not JSON at {place}: {found}{hint}.") from error
    except (RecursionError, ValueError) as error:  # too deep, or a number with thousands of digits
        raise PayloadError(f"{what} cannot be read: {error}.") from error
