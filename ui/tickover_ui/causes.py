"""Dead letters by what killed them: the same kind of error with the same words, ids and numbers aside."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

_VARIES: Final = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|0x[0-9a-fA-F]+|\b[0-9a-f]{12,}\b|\d+(?:[.,:]\d+)*|'[^'\n]{0,200}'|\"[^\"\n]{0,200}\""
)
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """One dead letter."""

    job_id: str
    kind: str
    queue: str
    at: datetime
    error: str
    error_kind: str
    tenant: str = ""
    failures: int = 0
    crashes: int = 0
    max_retries: int = 0
    code_version: str = ""
    #: The tick in which it died; None when nobody knows.
    tick: str | None = None


@dataclass(slots=True, kw_only=True)
class Cause:
    """Dead letters that died of the same."""

    fingerprint: str
    kind: str
    error_kind: str
    pattern: str
    deaths: list[Death] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many died of it."""
        return len(self.deaths)

    @property
    def first(self) -> datetime:
        return min(death.at for death in self.deaths)

    @property
    def tenants(self) -> list[str]:
        """Whose jobs they are."""
        return sorted({death.tenant for death in self.deaths if death.tenant})

    @property
    def versions(self) -> list[str]:
        """The code that they ran."""
        return sorted({death.code_version for death in self.deaths if death.code_version})

    @property
    def queues(self) -> list[str]:
        return sorted({death.queue for death in self.deaths})

    @property
    def last(self) -> datetime:
        return max(death.at for death in self.deaths)


def pattern(error: str) -> str:
    """The first line of an error without what differs from one job to the next."""
    line = error.strip().split("\n", maxsplit=1)[0][:_LONGEST]
    return _VARIES.sub("…", line)


def causes(deaths: Iterable[Death]) -> list[Cause]:
    """The causes, the one that struck last first."""
    found: dict[str, Cause] = {}
    for death in deaths:
        words = pattern(death.error)
        key = hashlib.sha256(f"{death.kind}\n{death.error_kind}\n{words}".encode()).hexdigest()[:8]
        cause = found.setdefault(
            key, Cause(fingerprint=key, kind=death.kind, error_kind=death.error_kind, pattern=words)
        )
        cause.deaths.append(death)
    return sorted(found.values(), key=lambda cause: cause.last, reverse=True)
