"""Turns a function into a registered kind, as `@jobs.job` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tickover.domain.options import check_handler_options
from tickover.engine.inspect_handler import inspect_handler
from tickover.engine.registry import Kind


def kind_of(fn: Callable[..., Any], name: str | None = None, **options: Any) -> Kind:
    """The kind that `@jobs.job(name, **options)` makes of `fn`."""
    return inspect_handler(fn, name, check_handler_options(options))


def called(kind: Kind, text: str | None) -> Any:
    """What the handler returns for a stored payload."""
    return kind.fn(**kind.bind(text))
