"""What a tick, a scheduler run and a reaper run say when they are done."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

StoppedBecause = Literal["empty", "max_jobs", "deadline", "paused", "error"]


@dataclass(slots=True, kw_only=True)
class TickReport:
    """One bounded invocation in numbers.

    `more` says that something is due right now; `next_due_at` when anything is due next (None: nothing ever, as far
    as the database knows).
    """

    tick_id: str
    trigger: str = "call"
    stopped_because: StoppedBecause = "empty"
    claimed: int = 0
    completed: int = 0
    failed: int = 0
    retried: int = 0
    yielded: int = 0
    parked: int = 0
    #: Jobs that somebody cancelled while this tick held them.
    cancelled: int = 0
    #: Jobs that another tick or the reaper took while this tick held them; nothing of theirs was kept.
    lost: int = 0
    reaped: int = 0
    #: Claimed, not started, given back.
    released: int = 0
    fired: int = 0
    #: Fan-outs that the reaper ended because their time was over, or set right.
    mended: int = 0
    #: Rows that the reaper removed, by table; jobs went with everything of theirs.
    removed: dict[str, int] = field(default_factory=dict)
    #: Settled jobs per queue.
    by_queue: dict[str, int] = field(default_factory=dict)
    more: bool = False
    next_due_at: datetime | None = None
    seconds: float = 0.0
    #: SQL statements sent; BEGIN and COMMIT are not counted.
    statements: int = 0
    cold: bool = False
    #: US dollars that the platform charges for this invocation, at least: without a cold start's init and what follows the
    #: report. None where nobody charges by the second.
    cost: float | None = None
    #: Ids of jobs whose thread did not end in time and was left behind (its writes are fenced off).
    abandoned: list[str] = field(default_factory=list)
    #: Hooks that raised.
    hook_errors: int = 0
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON types."""
        data = asdict(self)
        data["next_due_at"] = self.next_due_at.isoformat() if self.next_due_at else None
        return data
