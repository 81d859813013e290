"""One test's database with everything it needs: applications, stores on connections of their own, and plain SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.support import guards
from tests.support.raw import Raw
from tickover import NewJob, Pool, Settings, Tickover
from tickover.clock import SystemClock
from tickover.domain.decide import Transition, decide
from tickover.domain.ids import TickId, new_id
from tickover.domain.job import Claimed
from tickover.domain.outcome import Outcome
from tickover.store.open import open_database
from tickover.store.port import Claim, TickHead, Wanted
from tickover.store.sql_store import EventLog, SqlStore

KIND = "work"


class World:
    """A migrated database, guarded by the trigger of `guards`."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self.url = url
        self._stack = stack
        self.raw = stack.enter_context(Raw(url))
        self.dialect = self.raw.dialect
        guards.install(self.raw)
        self.jobs = self.app()
        #: Whether the log tells everything, so that the end of the test checks it against the rows.
        self.log_is_whole = True

    def app(self, **settings: Any) -> Tickover:
        """Another application on this database, as another process would have it."""
        return self._stack.enter_context(Tickover(self.url, settings=Settings(**settings)))

    def store(self, *, log: EventLog = "all") -> SqlStore:
        """A store on a connection of its own."""
        database = open_database(self.url, pool=Pool(), clock=SystemClock())
        self._stack.callback(database.close)
        return SqlStore(self._stack.enter_context(database.link()), log=log, source=database)

    def add(self, count: int = 1, /, **options: Any) -> list[str]:
        """Enqueues that many jobs of a kind that no code here knows."""
        return self.jobs.enqueue_many(NewJob(KIND, n, remote=True, **options) for n in range(count))

    def add_one(self, **options: Any) -> str:
        return self.add(1, **options)[0]

    def add_one_by_name(self, payload: object = 1, /, **options: Any) -> str:
        """The same through `enqueue`, which refuses a key that is held."""
        return self.jobs.enqueue(KIND, payload, remote=True, **options)

    def running(self, **options: Any) -> tuple[SqlStore, Claimed]:
        """A job that a tick on a connection of its own holds."""
        job_id = self.add_one(**options)
        store = self.store()
        (job,) = claim(store, 1).jobs
        assert job.id == job_id
        return store, job


@contextmanager
def opened(url: str) -> Iterator[World]:
    """A world on a migrated database; at its end every identity of `guards` must hold."""
    with ExitStack() as stack:
        made = World(url, stack)
        yield made
        guards.check(made.raw, events=made.log_is_whole)


def tick_id() -> TickId:
    return TickId(new_id())


def wanted(size: int, **changes: Any) -> Wanted:
    """What a tick with free slots and a minute left asks for."""
    asked: dict[str, Any] = {
        "size": size, "free": size, "alone": True, "queues": None, "age": 0.0, "left": 60.0, "window_left": 60.0,
        "lease": 60.0,
    }  # fmt: skip
    return Wanted(**{**asked, **changes})


def claim(
    store: SqlStore, size: int, *, tick: TickId | None = None, queues: Mapping[str, int] | None = None, **changes: Any
) -> Claim:
    """One claim of a tick of its own; `changes` are fields of `Wanted`."""
    head = TickHead(tick_id=tick or tick_id(), trigger="test")
    return store.claim(head, wanted(size, queues=queues, **changes))


def ids(claimed: Claim) -> list[str]:
    """The ids that a claim brought, in the order in which they would start."""
    return [job.id for job in sorted(claimed.jobs, key=lambda job: job.order)]


def settle(store: SqlStore, job: Claimed, outcome: Outcome, **options: Any) -> bool:
    """Decides and writes one outcome; returns whether it was accepted."""
    return job.id in store.settle([decide(job, outcome, seconds=0.25)], tick=tick_id(), **options)


def decided(job: Claimed, outcome: Outcome) -> Transition:
    return decide(job, outcome, seconds=0.25)
