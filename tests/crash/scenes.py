"""For each verb a scene in which a process reaches it, and what must be true when it dies there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from tests.crash.worker import LEASE
from tests.support.chaos_sql import Look
from tests.support.process import until
from tickover import Tickover
from tickover.domain.ids import TickId, new_id
from tickover.store.port import TickHead, Wanted
from tickover.store.sql_store import SqlStore

Prepare = Callable[[Tickover, Look], list[str]]
_SQL: Final = Path(__file__).parents[2] / "src" / "tickover" / "store" / "sql" / "sqlite"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """How a process comes to a verb."""

    act: str
    prepare: Prepare
    #: A point at which the connection seems to break, which is what leads to the verb.
    cut: str | None = None
    #: Counts what the verb did: nothing before it was sent, all of it when it is through.
    effect: str | None = None
    #: The verb runs inside an open transaction: its effect is there only after all of it.
    inside: bool = False
    #: The places at which a tick believes in leases that a freeze costs it: afterwards it must try to write, and be refused.
    holding: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One point of one scene."""

    point: str
    scene: Scene = field(repr=False)

    def __str__(self) -> str:
        return self.point


def _plain(jobs: Tickover, _: Look, *, count: int = 3, unique: str | None = None) -> list[str]:
    if unique is not None:
        return [jobs.enqueue("plain", 1, unique=unique)]
    return [jobs.enqueue("plain", number) for number in range(count)]


def _one(kind: str, *payload: object) -> Prepare:
    return lambda jobs, _: [jobs.enqueue(kind, *payload, remote=kind == "stranger")]


def _completed(jobs: Tickover, look: Look) -> list[str]:
    ids = _plain(jobs, look)
    jobs.tick(5)
    return ids


def _cancelled(jobs: Tickover, look: Look) -> list[str]:
    ids = _plain(jobs, look)
    jobs.cancel(ids[0])
    return ids


def _paused(jobs: Tickover, look: Look) -> list[str]:
    ids = _plain(jobs, look)
    jobs.pause_job(ids[0])
    return ids


def _queue_paused(jobs: Tickover, look: Look) -> list[str]:
    jobs.pause_queue("default")
    return _plain(jobs, look)


def _fleet_paused(jobs: Tickover, look: Look) -> list[str]:
    jobs.pause_ticks()
    return _plain(jobs, look)


def _expired(jobs: Tickover, look: Look) -> list[str]:
    """Jobs of a tick that is gone, with leases that ran out."""
    ids = _plain(jobs, look)
    wanted = Wanted(size=9, free=9, alone=True, queues=None, age=0.0, left=9.0, window_left=9.0, lease=0.05)
    head = TickHead(tick_id=TickId(new_id()), trigger="gone")

    def claim(store: SqlStore) -> None:
        assert len(store.claim(head, wanted).jobs) == len(ids)

    jobs._core.do(claim)
    until(lambda: look.one("SELECT count(*) FROM jobs WHERE $ms(lease_until) < $nowms") == len(ids), "leases run out")
    return ids


def _count(where: str) -> str:
    return f"SELECT count(*) FROM jobs WHERE {where}"


_BOTH: Final = ("before_send", "after_commit")
_SLOW: Final = LEASE * 1.5

SCENES: Final[dict[str, Scene]] = {
    # a tick, from its first look to its last word
    "recover": Scene(act="tick", prepare=_plain),
    "claim": Scene(act="tick", prepare=_plain, effect=_count("state = 'running'"), holding=("after_commit",)),
    "beat": Scene(act="tick", prepare=_one("slow", _SLOW), holding=_BOTH),
    "progress": Scene(
        act="tick",
        prepare=lambda jobs, look: [*_one("chatty")(jobs, look), *_plain(jobs, look, count=1)],
        effect="SELECT count(*) FROM job_data WHERE progress IS NOT NULL",
        holding=_BOTH,
    ),
    "kind_seen": Scene(act="tick", prepare=_one("stranger"), holding=_BOTH),
    "settle": Scene(
        act="tick", prepare=_one("plain", 1), effect=_count("state = 'completed'"), holding=("before_send",)
    ),
    "due": Scene(act="short tick", prepare=_plain),
    "finish_tick": Scene(act="tick", prepare=_plain, effect="SELECT count(*) FROM ticks WHERE ended_at IS NOT NULL"),
    "adopt": Scene(act="tick", prepare=_plain, cut="claim.after_commit", holding=("after_commit",)),
    "resolve": Scene(act="tick", prepare=_one("plain", 1), cut="settle.before_send", holding=("after_commit",)),
    # the reaper: its select and its settle are one transaction
    "expired": Scene(act="reap", prepare=_expired, inside=True),
    # what others ask
    "enqueue": Scene(act="enqueue", prepare=_plain, effect="SELECT count(*) - 3 FROM jobs"),
    "exists": Scene(act="enqueue", prepare=_plain, cut="enqueue.after_commit"),
    "reserve": Scene(act="enqueue many", prepare=_plain, inside=True),
    "holders": Scene(act="enqueue again", prepare=partial(_plain, unique="held"), inside=True),
    # one transaction with what it counts and wakes; `cancel.done` is behind its commit
    "cancel": Scene(act="cancel", prepare=_plain, inside=True),
    "pause_job": Scene(act="pause_job", prepare=_plain, effect=_count("state = 'paused'")),
    "resume_job": Scene(
        act="resume_job", prepare=_paused, effect="SELECT 1 - count(*) FROM jobs WHERE state = 'paused'"
    ),
    "retry": Scene(act="retry", prepare=_cancelled, effect="SELECT 1 - count(*) FROM jobs WHERE state = 'cancelled'"),
    "purge": Scene(act="purge", prepare=_completed, effect="SELECT 3 - count(*) FROM jobs"),
    "pause_queue": Scene(
        act="pause_queue", prepare=_plain, effect="SELECT count(*) FROM queues WHERE paused_at IS NOT NULL"
    ),
    "resume_queue": Scene(
        act="resume_queue", prepare=_queue_paused, effect="SELECT count(*) FROM queues WHERE paused_at IS NULL"
    ),
    "pause_ticks": Scene(act="pause_ticks", prepare=_plain, effect="SELECT count(*) FROM control"),
    "resume_ticks": Scene(act="resume_ticks", prepare=_fleet_paused, effect="SELECT 1 - count(*) FROM control"),
    "read_events": Scene(act="read_events", prepare=_plain),
    # who asks for a tick
    "nudge": Scene(act="nudge", prepare=_plain, effect="SELECT count(*) FROM queues WHERE nudged_at IS NOT NULL"),
    "unmark": Scene(act="nudge in vain", prepare=_plain, effect="SELECT count(*) FROM queues WHERE nudged_at IS NULL"),
    "armed": Scene(act="arm", prepare=_plain),
    "arm": Scene(act="arm", prepare=_plain, effect="SELECT count(*) FROM control"),
    "chain": Scene(act="chain", prepare=_plain, effect="SELECT count(*) FROM control WHERE key LIKE 'chained:%'"),
}

#: Points that are not a verb's: in the engine, between two verbs.
BETWEEN: Final[dict[str, Scene]] = {
    "flush.before": Scene(act="tick", prepare=_one("plain", 1), holding=("before",)),
    "flush.after": Scene(act="tick", prepare=_one("flaky")),
    "reap.after_select": Scene(act="reap", prepare=_expired, inside=True),
    "reap.after_commit": Scene(act="reap", prepare=_expired),
}

#: Verbs that die in another test, or that one statement makes whole: with where, or why.
ELSEWHERE: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            "fire", "fire_refused", "fired", "schedule_advance", "schedule_change", "schedule_live", "schedule_lock",
            "schedule_pause", "schedule_put", "schedule_ran", "schedule_remove", "schedule_resume", "schedule_seen",
            "schedules",
        ),
        "tests/crash/test_slots.py: schedulers that are killed",
    ),
    **dict.fromkeys(
        (
            "limit_free", "limit_lock", "limit_pass", "limit_prune", "limit_queue", "limit_room", "limit_take", "limit_unused",
            "limit_waits", "owners",
        ),
        "tests/crash/test_limits_hold.py: ticks that are killed under caps",
    ),
    "begins": "tests/flow/test_crashes.py: what it says is read only after a crash",
    **dict.fromkeys(
        (
            "litter", "prune_audit", "prune_callbacks", "prune_durations", "prune_events", "prune_fires", "prune_generations",
            "prune_idempotency", "prune_tick_stats", "prune_ticks", "retain", "stretch",
        ),
        "one statement each, of what is old: done or not done, and done again by the next reaper",
    ),
    **dict.fromkeys(
        ("fold_durations", "lock_durations", "tick_news"), "what steps usually take: a hint, that nothing rests on"
    ),
    "accept_message": "tests/web/test_tick.py: one statement says once that a message is new",
    "note": "tests/app/test_audit.py: in the transaction of what it tells of",
    "refusals": "tests/web/test_login.py: it only counts",
    "still_held": "on the user's connection; transaction.* are its points",
}  # fmt: skip
POINTS_ELSEWHERE: Final = frozenset(
    {"admit.locked", "admit.after_commit", "scheduler.after_gate", "scheduler.after_commit"}
)


def verbs() -> set[str]:
    """Every verb the store has, by its files."""
    return {file.stem for file in _SQL.glob("*.sql")}


def cases() -> list[Case]:
    """Every point there is."""
    found = [Case(point=f"{verb}.{place}", scene=scene) for verb, scene in SCENES.items() for place in _BOTH]
    return [*found, *(Case(point=point, scene=scene) for point, scene in BETWEEN.items())]
