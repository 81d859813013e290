"""The trace header: what a chain of requests carries, and how often each function has been in it."""

from __future__ import annotations

import zlib
from contextvars import ContextVar

from tickover.domain.ids import new_id

#: The header of the invocation that runs in this context; functions that run in this process are found by it.
current: ContextVar[str | None] = ContextVar("twin_trace", default=None)


def fresh() -> str:
    """The header of a new chain."""
    digits = new_id().replace("-", "")
    return f"Root=1-{digits[:8]}-{digits[8:]};Parent={digits[:16]};Sampled=0"


def times(header: str, function: str) -> int:
    """How often the chain has invoked this function."""
    return _counts(header).get(_mark(function), 0)


def joined(header: str, function: str) -> str:
    """The header after one more invocation of this function."""
    counts = _counts(header)
    counts[_mark(function)] = counts.get(_mark(function), 0) + 1
    rest = ";".join(part for part in header.split(";") if not part.startswith("Lineage="))
    return f"{rest};Lineage={'|'.join(f'{mark}:{count}' for mark, count in counts.items())}"


def _counts(header: str) -> dict[str, int]:
    lineage = next((part[8:] for part in header.split(";") if part.startswith("Lineage=")), "")
    pairs = (pair.partition(":") for pair in lineage.split("|") if ":" in pair)
    return {mark: int(count) for mark, _, count in pairs if count.isdigit()}


def _mark(function: str) -> str:
    return f"{zlib.crc32(function.encode()):08x}"
