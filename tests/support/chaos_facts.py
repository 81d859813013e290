"""Everything a checker may look at, read once and left alone: rows, events, the audit's moves, the ledger's lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.support.chaos_sql import Look
from tests.support.ledger import Line

COUNTERS: Final = ("completed", "failures", "crashes", "yields", "stalls", "parks", "released", "aborts")
TERMINAL: Final = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One row of `jobs` at the end."""

    id: str
    kind: str
    state: str
    epoch: int
    starts: int
    counters: Mapping[str, int]
    forgiven: int
    event_seq: int
    max_retries: int
    max_crashes: int
    unique_key: str | None
    error_kind: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One row of `moves`: a change of state or epoch. `void`: the lease's claim id was erased with it."""

    seq: int
    job: str
    at: int
    was: str | None
    now: str | None
    epoch_was: int | None
    epoch_now: int | None
    lease_was: int | None
    holder_was: str | None
    holder_now: str | None
    void: bool
    crash_run: int
    unique_key: str | None

    @property
    def is_claim(self) -> bool:
        return self.now == "running" and self.was != "running"

    @property
    def is_exit(self) -> bool:
        return self.was == "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One row of `events`."""

    seq: int
    job: str
    n: int
    at: int
    type: str
    epoch: int | None


@dataclass(slots=True, kw_only=True)
class Facts:
    """What was found; checks read it, tests of the checks tamper with it."""

    jobs: dict[str, JobRow]
    moves: list[Move]
    events: list[Told]
    lines: Mapping[str, Sequence[Line]] = field(default_factory=dict)
    #: Ids whose enqueue was acknowledged, whose cancel was or may have happened, and which somebody tried to retry.
    acked: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    maybe_cancelled: set[str] = field(default_factory=set)
    retried: set[str] = field(default_factory=set)

    @property
    def by_job(self) -> dict[str, list[Move]]:
        found: dict[str, list[Move]] = defaultdict(list)
        for move in self.moves:
            found[move.job].append(move)
        return found

    def exits(self) -> dict[tuple[str, int], list[Move]]:
        """The moves out of `running`, by job and epoch."""
        found: dict[tuple[str, int], list[Move]] = defaultdict(list)
        for move in self.moves:
            if move.is_exit and move.epoch_was is not None:
                found[move.job, move.epoch_was].append(move)
        return found


def gather(look: Look, lines: Mapping[str, Sequence[Line]] | None = None) -> Facts:
    """Reads the whole database; for the time after a run."""
    jobs = {}
    for row in look.rows(
        f"SELECT id, kind, state, epoch, starts, forgiven, event_seq, max_retries, max_crashes, unique_key, error_kind, "
        f"{', '.join(f'j.{name}' for name in COUNTERS)} FROM jobs j LEFT JOIN job_data d ON d.job_id = j.id"
    ):
        known = dict(zip(JobRow.__slots__[:5], row[:5], strict=True))
        names = ("forgiven", "event_seq", "max_retries", "max_crashes", "unique_key", "error_kind")
        rest = dict(zip(names, row[5:11], strict=True))
        counters = dict(zip(COUNTERS, row[11:], strict=True))
        jobs[str(row[0])] = JobRow(**{**known, "id": str(row[0])}, **rest, counters=counters)
    moves = [
        Move(**{**dict(zip(Move.__slots__, row, strict=True)), "void": bool(row[10])})
        for row in look.rows(
            "SELECT seq, job_id, at, was, now, epoch_was, epoch_now, lease_was, holder_was, holder_now, void, crash_run, "
            "unique_key FROM moves ORDER BY seq"
        )
    ]
    events = [
        Told(seq=seq, job=str(job), n=n, at=at, type=kind, epoch=epoch)
        for seq, job, n, at, kind, epoch in look.rows(
            "SELECT seq, job_id, n, $ms(at), type, epoch FROM events WHERE job_id IS NOT NULL ORDER BY job_id, n, seq"
        )
    ]
    return Facts(jobs=jobs, moves=moves, events=events, lines=lines or {})
