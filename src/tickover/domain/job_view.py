"""A job as people and hooks see it, with its steps, and pages of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from tickover.domain.ids import short
from tickover.domain.states import State

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One recorded step of a job."""

    key: str
    kind: str
    value: Any
    error: str | None
    seq: int
    created_at: datetime
    seconds: float | None
    tick_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as people and hooks see it: one row, read at one moment."""

    id: str
    kind: str
    queue: str
    state: State
    tenant: str = ""
    priority: int = 0
    payload: Any = None
    result: Any = None
    error: str | None = None
    error_kind: str | None = None
    starts: int = 0
    completed: int = 0
    failures: int = 0
    crashes: int = 0
    yields: int = 0
    stalls: int = 0
    parks: int = 0
    released: int = 0
    aborts: int = 0
    created_at: datetime
    run_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    wait_kind: str | None = None
    wait_ref: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    fan_out_index: int | None = None
    children: list[str] = field(default_factory=list)
    unique_key: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    progress: tuple[float, str] | None = None
    generation: int = 0
    steps: list[Step] = field(default_factory=list)

    @property
    def short_id(self) -> str:
        """The last eight characters of the id."""
        return short(self.id)

    @property
    def log_fields(self) -> dict[str, object]:
        """What a log record about this job carries."""
        return {"job_id": self.id, "job_kind": self.kind, "queue": self.queue, "attempt": self.attempt}

    @property
    def attempt(self) -> int:
        """Attempts made so far, the current one included; 0 before the first run."""
        return self.failures + (self.state in ("running", "waiting", "completed"))

    @property
    def dead_lettered(self) -> bool:
        """Whether the job failed for good and is kept for triage."""
        return self.state == "failed"


class Page(list[T], Generic[T]):
    """A list of one page, with the cursor of the next (None on the last one)."""

    def __init__(self, items: list[T] | None = None, next_cursor: str | None = None) -> None:
        super().__init__(items or [])
        self.next_cursor = next_cursor
