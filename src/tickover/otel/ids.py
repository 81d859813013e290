"""Ids of spans that any process can work out: a run links to the run before it, which another process made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import Any, Final

_wanted: Final[ContextVar[tuple[int, int] | None]] = ContextVar("tickover_span_ids", default=None)


def trace_id(job_id: str) -> int:
    """The trace of a job that was enqueued without one."""
    return int.from_bytes(sha256(job_id.encode()).digest()[:16], "big")


def span_id(job_id: str, epoch: int) -> int:
    """The span of one run of a job."""
    return int.from_bytes(sha256(f"{job_id}/{epoch}".encode()).digest()[:8], "big")


@contextmanager
def chosen(job_id: str, epoch: int) -> Iterator[None]:
    """A span that is started in here has the ids of this run, if its tracer's ids go through `Ids`."""
    token = _wanted.set((trace_id(job_id), span_id(job_id, epoch)))
    try:
        yield
    finally:
        _wanted.reset(token)


class Ids:
    """An SDK tracer's generator of ids, but for spans whose ids are chosen."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def generate_trace_id(self) -> int:
        wanted = _wanted.get()
        made: int = self._own.generate_trace_id() if wanted is None else wanted[0]
        return made

    def generate_span_id(self) -> int:
        wanted = _wanted.get()
        made: int = self._own.generate_span_id() if wanted is None else wanted[1]
        return made

    def is_trace_id_random(self) -> bool:
        """A digest is as evenly spread as chance, which is what samplers ask."""
        return True
