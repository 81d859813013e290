"""`jobs.cancel`: one job at once, or a set of them, then what hangs on them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from tickover.app.core import Core
from tickover.domain.ids import parse_id
from tickover.domain.limits import places_of
from tickover.domain.states import TERMINAL
from tickover.engine.cancel import Cancelled, cancel, cancel_tree
from tickover.errors import InvalidTransition, JobNotFound
from tickover.store.sql_store import SqlStore

_TRIES: Final = 3


def cancel_job(core: Core, job_id: str) -> None:
    """See `Control.cancel`."""
    from tickover.store import reads  # when somebody asks: they bring SQLAlchemy

    job_id, state = parse_id(job_id), None
    for _ in range(_TRIES):
        done = core.do(lambda store: cancel(store, [job_id], places=_places(core, store, job_id)))
        if done.ended:
            return _cancelled(core, [job_id], done)
        state, _requested = core.do(lambda store: reads.state_of(store.link, job_id))
        if state is None:
            raise JobNotFound(f"No job has the id {job_id}.")
        if state == "cancelled":
            return None  # children that an earlier walk did not reach are the reaper's
        if state in TERMINAL:
            break
    raise InvalidTransition(f"Job {job_id} is {state}; it cannot be cancelled now.")


def cancel_jobs(core: Core, ids: Sequence[str]) -> int:
    """Ends those of these jobs that are not over, with everything below them; returns how many of them."""
    done = core.do(lambda store: cancel(store, ids, places=_places(core, store, *ids)))
    _cancelled(core, list(done.ended), done)
    return len(done.ended)


def _cancelled(core: Core, ids: Sequence[str], done: Cancelled) -> None:
    """What follows from a cancel: its subtree goes too, and so do siblings that were not to outlive it."""
    stopped = [one.fan_out_id for one in done.decided if one.cancels and one.status != "completed"]
    if any(done.ended.values()) or stopped:  # in transactions of its own, however many descendants there are
        core.later(partial(_cancel_below, core, list(ids), stopped))
    if done.decided:
        core.woken(None)  # a parent waited for this child


def _cancel_below(core: Core, parents: Sequence[str], fan_outs: Sequence[str]) -> None:
    core.do(lambda store: cancel_tree(store, parents=parents, fan_outs=fan_outs))


def _places(core: Core, store: SqlStore, *ids: str) -> set[str]:
    """In a shared transaction the caps of a job are known before it is locked: there is no undoing it to begin anew."""
    from tickover.store import reads

    if core.shared is None:
        return set()
    return {key for job_id in ids for key in places_of(*reads.caps_of(store.link, job_id))}
