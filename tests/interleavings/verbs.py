"""The verbs that meet: each as a statement inside somebody's open transaction, and as an operator or a tick calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.interleavings.arena import Situation, head, ids, settle, wanted
from tests.support.chaos_facts import TERMINAL
from tickover import Tickover
from tickover.domain.ids import TickId, new_id
from tickover.engine.recover import reap
from tickover.store.sql_store import SqlStore

OnStore = Callable[[SqlStore, Situation], str]


@dataclass(frozen=True, kw_only=True)
class Verb:
    """One verb on the job of a situation; both forms answer in words that can be compared."""

    name: str
    inside: OnStore
    alone: Callable[[Tickover, Situation], str]
    #: What it says when there is nothing for it. On PostgreSQL it also says so when it steps aside for a locked row.
    nothing: str | None = None

    def __str__(self) -> str:
        return self.name


def _of_a_tick(name: str, work: OnStore, *, nothing: str | None = None) -> Verb:
    return Verb(
        name=name, inside=work, alone=lambda jobs, s: jobs._core.do(lambda store: work(store, s)), nothing=nothing
    )


def _of_an_operator(name: str, work: Callable[[Tickover, Situation], object], inside: OnStore) -> Verb:
    def alone(jobs: Tickover, s: Situation) -> str:
        work(jobs, s)
        return "done"

    return Verb(name=name, inside=inside, alone=alone)


def _claim(store: SqlStore, s: Situation) -> str:
    return "took it" if store.claim(head(s), wanted()).jobs else "found nothing"


def _beat(store: SqlStore, s: Situation) -> str:
    beat = store.beat([s.lease], 60.0)
    held = "held" if s.lease.job_id in beat.held else "lost"
    return f"{held}, pausing" if beat.pausing else held


def _reap(store: SqlStore, s: Situation) -> str:
    return f"took {len(reap(store, TickId(new_id()), 10))} back"


def _moved(verb: str) -> OnStore:
    return lambda store, s: "done" if store.call(verb, id=s.job, log="all") else "refused"


def _cancelled(store: SqlStore, s: Situation) -> str:
    return "done" if store.call("cancel", ids=ids(s.job), log="all") else "refused"


def _retried(store: SqlStore, s: Situation) -> str:
    return "done" if store.call("retry", ids=ids(s.job), fresh=False, skip=False, log="all") else "refused"


def _purged(store: SqlStore, s: Situation) -> str:
    params = {"queue": "default", "kind": None, "older": 0.0, "limit": 10}
    return f"deleted {sum(len(store.call('purge', state=state, **params)) for state in sorted(TERMINAL))}"


def _purge(jobs: Tickover, s: Situation) -> str:
    return f"deleted {sum(jobs.purge(state=state, queue='default') for state in sorted(TERMINAL))}"


VERBS: Final = (
    _of_a_tick("claim", _claim, nothing="found nothing"),
    _of_a_tick("beat", _beat),
    _of_a_tick("settle", lambda store, s: settle(store, s.lease, "completed")),
    _of_a_tick("give back", lambda store, s: settle(store, s.lease, "given back")),
    _of_a_tick("reap", _reap, nothing="took 0 back"),
    _of_an_operator("cancel", lambda jobs, s: jobs.cancel(s.job), _cancelled),
    _of_an_operator("pause", lambda jobs, s: jobs.pause_job(s.job), _moved("pause_job")),
    _of_an_operator("resume", lambda jobs, s: jobs.resume_job(s.job), _moved("resume_job")),
    _of_an_operator("retry", lambda jobs, s: jobs.retry(s.job), _retried),
    Verb(name="purge", inside=_purged, alone=_purge, nothing="deleted 0"),
)
