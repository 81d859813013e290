"""One job, two actors, each on a connection of its own: one holds its transaction open while the other acts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from tests.support.chaos_facts import COUNTERS
from tests.support.chaos_sql import Look
from tests.support.process import until
from tickover import Settings, Tickover, TickoverError
from tickover.domain.decide import Transition
from tickover.domain.ids import TickId, new_id
from tickover.domain.job import Lease
from tickover.errors import StorageUnavailable
from tickover.store.port import TickHead, Wanted
from tickover.store.sql_store import SqlStore
from tickover.store.sqlite import SqliteLink

T = TypeVar("T")
#: What a job may be when two verbs meet on it.
STATES: Final = ("pending", "running", "pausing", "expired", "paused", "completed", "failed", "cancelled")
_TABLES: Final = ("jobs", "job_data", "events", "ticks", "tick_stats")


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A job in some state, the lease that a tick has or had on it, and the tick that would claim it next."""

    job: str
    lease: Lease
    holder: TickId
    next_tick: TickId


class Arena:
    """A database with exactly one job, and two applications that share nothing but it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.look = Look(url)
        self.first = Tickover(url, settings=Settings(lease=60.0))
        self.second = Tickover(url, settings=Settings(lease=60.0))
        for jobs in (self.first, self.second):
            jobs.job(_plain)
        self._begun = threading.Event()
        self._pid = self.second._core.do(self._watched)

    def close(self) -> None:
        self.first.close()
        self.second.close()
        self.look.close()

    def prepare(self, state: str) -> Situation:
        """Leaves one job in this state, and nothing else."""
        for table in _TABLES:
            self.look.rows(f"DELETE FROM {table}")
        job = self.first.enqueue("plain", 1)
        holder, next_tick = TickId(new_id()), TickId(new_id())
        if state == "cancelled":
            self.first.cancel(job)
        if state in ("pending", "cancelled"):
            return Situation(job=job, lease=Lease(job, 1, new_id()), holder=holder, next_tick=next_tick)  # type: ignore[arg-type]  # a lease that was never given
        (lease,) = self.first._core.do(lambda store: [one.lease for one in store.claim(_head(holder), wanted()).jobs])
        if state in ("completed", "failed"):
            self.look.rows(
                f"UPDATE jobs SET state = '{state}', {'completed' if state == 'completed' else 'failures'} = 1, "
                f"finished_at = run_at, lease_until = NULL WHERE id = '{job}'"
            )
        elif state in ("pausing", "paused"):
            self.first.pause_job(job)
        if state == "paused":
            self.first._core.do(lambda store: settle(store, lease, "given back"))
        if state == "expired":
            self.look.rows(f"UPDATE jobs SET lease_until = created_at WHERE id = '{job}'")
        return Situation(job=job, lease=lease, holder=holder, next_tick=next_tick)

    def end(self, situation: Situation) -> dict[str, Any]:
        """How the job ended up, with nothing in it that differs from one run to the next."""
        columns = f"state, paused_from, generation, crash_run, epoch, starts, {', '.join(COUNTERS)}"
        odd = "CASE WHEN claim_id IS NULL THEN 1 ELSE 0 END, CASE WHEN pause_requested_at IS NULL THEN 1 ELSE 0 END, holder"
        rows = self.look.rows(f"SELECT {odd}, {columns} FROM jobs WHERE id = '{situation.job}'")
        events = self.look.rows(f"SELECT n, type FROM events WHERE job_id = '{situation.job}' ORDER BY n, seq")
        if not rows:
            return {"deleted": True}
        ((void, unasked, holder, *rest),) = rows
        names = {situation.holder: "holder", situation.next_tick: "next tick"}
        return {
            "row": dict(zip(columns.split(", "), rest, strict=True)),
            "void": void,
            "pause asked": not unasked,
            "holder": names.get(TickId(str(holder))),
            "events": [tuple(event) for event in events],
        }

    def one_after_the_other(
        self, state: str, first: Callable[[SqlStore], str], second: Callable[[Tickover], str], *, swapped: bool
    ) -> tuple[str, str]:
        """Runs both to their ends, in this order or swapped; returns both answers."""
        if swapped:
            theirs = answer(lambda: second(self.second))
            return self._in_transaction(first), theirs
        ours = self._in_transaction(first)
        return ours, answer(lambda: second(self.second))

    def at_once(self, first: Callable[[SqlStore], str], second: Callable[[Tickover], str]) -> tuple[str, str]:
        """The second acts while the first has acted and not committed; returns both answers."""
        theirs: list[str] = []
        thread = threading.Thread(target=lambda: theirs.append(answer(lambda: second(self.second))))
        with self.first._core.database.link() as link:
            store = SqlStore(link)
            with store.transaction():
                ours = first(store)
                self._begun.clear()
                thread.start()
                until(lambda: not thread.is_alive() or self._waits(), "the second waits or is through")
        thread.join(20)
        assert theirs, "the second never came back"
        return ours, theirs[0]

    def deadlocks(self) -> int:
        """How often PostgreSQL had to break a deadlock in this database."""
        if self.look.dialect == "sqlite":
            return 0
        return int(self.look.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))

    def _in_transaction(self, work: Callable[[SqlStore], str]) -> str:
        with self.first._core.database.link() as link:
            store = SqlStore(link)
            with store.transaction():
                return work(store)

    def _waits(self) -> bool:
        if self.look.dialect == "sqlite":
            return self._begun.is_set()  # it asks for the write lock, which the first has
        query = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {self._pid} AND wait_event_type = 'Lock'"
        return bool(self.look.one(query))

    def _watched(self, store: SqlStore) -> int:
        """Has the second's connection tell when it begins a write; returns its server process."""
        if isinstance(store.link, SqliteLink):

            def on_statement(text: str) -> None:
                if text.startswith("BEGIN"):
                    self._begun.set()

            store.link.connection.set_trace_callback(on_statement)
            return 0
        found: int = store.link.query("SELECT pg_backend_pid()", {})[0][0]
        return found


def answer(ask: Callable[[], str]) -> str:
    """What a verb said: its answer, or the exception that refused it. An error of the database is never an answer."""
    try:
        return ask()
    except StorageUnavailable:
        raise  # a deadlock comes as one of these
    except TickoverError as error:
        return f"{type(error).__name__}: {error}"


def wanted(size: int = 1) -> Wanted:
    """A claim for that many jobs, in a tick with all the time in the world."""
    return Wanted(size=size, free=size, alone=True, queues=None, age=0.0, left=60.0, window_left=60.0, lease=60.0)


def settle(store: SqlStore, lease: Lease, how: str) -> str:
    """Ends a run: it completed, or gives its job back."""
    transition = (
        Transition(lease=lease, state="completed", counter="completed", event="JobCompleted", result="1")
        if how == "completed"
        else Transition(lease=lease, state="pending", counter="released", event="JobYielded", data={})
    )
    accepted = store.settle([transition], tick=TickId(new_id()))
    return accepted[lease.job_id].state if accepted else "lost"


def ids(*jobs: str) -> str:
    return json.dumps(list(jobs))


def _head(tick: TickId) -> TickHead:
    return TickHead(tick_id=tick, trigger="test")


def head(situation: Situation) -> TickHead:
    """The head of the tick that claims next."""
    return _head(situation.next_tick)


def _plain(number: int) -> int:
    return number


_plain.__name__ = "plain"
