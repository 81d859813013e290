"""Who is measured: how each prepares a database, enqueues and drains; every function returns seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import ours, peers, raw
from tickover import Tickover


def _migrated(url: str) -> None:
    with Tickover(url) as jobs:
        jobs.migrate()


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One way to have jobs on PostgreSQL."""

    name: str
    prepare: Callable[[str], None]
    enqueue_one: Callable[[str, int], float]
    enqueue: Callable[[str, int], float]
    drain: Callable[[str, int], float]
    #: Seconds for (URL, workflows of five steps, so many at once); None where there are no workflows.
    workflows: Callable[[str, int, int], float] | None = None
    #: Jobs of a drain: ten thousand, or fewer where that would take minutes.
    jobs: int = 10_000


US = Contestant(
    name="Tickover",
    prepare=_migrated,
    enqueue_one=ours.enqueue_one,
    enqueue=ours.enqueue,
    drain=ours.drain,
    workflows=ours.workflows,
)
RAW = Contestant(
    name="raw psycopg", prepare=_migrated, enqueue_one=raw.enqueue_one, enqueue=raw.enqueue, drain=raw.drain
)
PGQUEUER = Contestant(
    name=f"PgQueuer, batches of {peers.PGQUEUER_BATCH}", prepare=peers.pgqueuer_prepare,
    enqueue_one=peers.pgqueuer_enqueue_one, enqueue=peers.pgqueuer_enqueue, drain=peers.pgqueuer_drain,
)  # fmt: skip
PROCRASTINATE = Contestant(
    name="Procrastinate, concurrency 10", prepare=peers.procrastinate_prepare,
    enqueue_one=peers.procrastinate_enqueue_one, enqueue=peers.procrastinate_enqueue, drain=peers.procrastinate_drain,
    jobs=1_000,
)  # fmt: skip
ALL = (US, RAW, PGQUEUER, PROCRASTINATE)


def _nothing(*_: object) -> float:
    raise NotImplementedError("DBOS is measured by its workflows")


DBOS = Contestant(
    name="DBOS", prepare=lambda _url: None, enqueue_one=_nothing, enqueue=_nothing, drain=_nothing,
    workflows=peers.dbos_workflows,
)  # fmt: skip


def named(name: str) -> Contestant:
    return next(one for one in ALL if one.name == name)
