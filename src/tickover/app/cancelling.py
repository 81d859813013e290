"""`jobs.cancel`: one job at once, then what hangs on it."""

from __future__ import annotations

from typing import Final

from tickover.app.core import Core
from tickover.domain.ids import parse_id
from tickover.domain.states import TERMINAL
from tickover.engine.cancel import Cancelled, cancel, cancel_tree
from tickover.errors import InvalidTransition, JobNotFound

_TRIES: Final = 3


def cancel_job(core: Core, job_id: str) -> None:
    """See `Control.cancel`."""
    from tickover.store import reads  # when somebody asks: they bring SQLAlchemy

    job_id, state = parse_id(job_id), None
    for _ in range(_TRIES):
        done = core.do(lambda store: cancel(store, [job_id]))
        if done.ended:
            return _cancelled(core, job_id, done)
        state, _requested = core.do(lambda store: reads.state_of(store.link, job_id))
        if state is None:
            raise JobNotFound(f"No job has the id {job_id}.")
        if state == "cancelled":
            return None  # children that an earlier walk did not reach are the reaper's
        if state in TERMINAL:
            break
    raise InvalidTransition(f"Job {job_id} is {state}; it cannot be cancelled now.")


def _cancelled(core: Core, job_id: str, done: Cancelled) -> None:
    """What follows from a cancel: its subtree goes too, and so do siblings that were not to outlive it."""
    stopped = [one.fan_out_id for one in done.decided if one.cancels and one.status != "completed"]
    if any(done.ended.values()) or stopped:
        core.do(lambda store: cancel_tree(store, parents=[job_id], fan_outs=stopped))
    if done.decided:
        core.woken(None)  # a parent waited for this child
