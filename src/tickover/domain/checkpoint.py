"""What a step leaves behind: a value or an error under its key, and how errors keep their meaning over replays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from tickover.domain.payload import encode
from tickover.errors import PayloadError

if TYPE_CHECKING:
    from tickover.domain.ids import StepKey
    from tickover.domain.job import Lease

StepKind = Literal[
    "step", "call", "transaction", "enqueue", "fan_out", "slots", "timer", "until", "signal", "signals", "callback",
    "answer", "each", "retry", "version", "now",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One recorded step. `value` and `error` are canonical JSON; both None is a step that returned nothing."""

    key: StepKey
    kind: StepKind
    value: str | None = None
    error: str | None = None
    args_hash: str | None = None
    seconds: float | None = None
    #: Keys that begin like this are deleted with the write: a finished page covers its steps.
    drops: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One checkpoint on its way: whose it is, and its number in the order of recording."""

    lease: Lease
    seq: int
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class StepError:
    """An error as data, so that a replay need not read messages to know what it means."""

    kind: str
    message: str
    retry: bool = True
    #: Seconds that `RetryAfter` asked for.
    after: float | None = None

    def text(self) -> str:
        return json.dumps([self.kind, self.message, self.retry, self.after], ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> StepError:
        kind, message, retry, after = json.loads(text)
        return cls(kind=kind, message=message, retry=retry, after=after)


def hash_args(*values: object) -> str:
    """A short fingerprint of what a step was given; what has no JSON form counts by its type only."""
    return sha256("\n".join(map(_fingerprint, values)).encode(errors="replace")).hexdigest()[:16]


def _fingerprint(value: Any) -> str:
    try:
        return encode(value, lossy=True)
    except PayloadError:
        return f"<{type(value).__module__}.{type(value).__qualname__}>"
