"""Hides what payloads and results name a secret: by the names of their keys, since values look like anything."""

from __future__ import annotations

import re
from typing import Any, Final

HIDDEN: Final = "[redacted]"
_SECRET: Final = re.compile(
    r"pass(?:word|phrase|wd)?$|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|authorization"
    r"|cookie|signature|session[_-]?id|cvv|cvc|card[_-]?number|iban|ssn",
    re.IGNORECASE,
)


def redacted(value: Any) -> Any:
    """The value with whatever stands under a secret's name replaced, however deep."""
    if isinstance(value, dict):
        return {
            key: HIDDEN if isinstance(key, str) and item is not None and _SECRET.search(key) else redacted(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return value
