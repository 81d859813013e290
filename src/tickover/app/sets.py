"""One verb on many jobs: each that it applies to is changed, the others are left as they are, and how many is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from tickover.app.cancelling import cancel_jobs
from tickover.app.control import retry_page
from tickover.app.core import Core
from tickover.store.sql_store import SqlStore

SetVerb: TypeAlias = Literal["retry", "cancel", "pause", "resume"]
#: The states in which there is something to do.
SET_VERBS: Final[dict[SetVerb, tuple[str, ...]]] = {
    "retry": ("failed", "cancelled"),
    "cancel": ("pending", "running", "waiting", "paused"),
    "pause": ("pending", "running", "waiting"),
    "resume": ("paused",),
}


def change_jobs(core: Core, verb: SetVerb, ids: Sequence[str], *, fresh: bool = False) -> int:
    """Does a verb to those of these jobs that it applies to; returns how many. At most 500 at once.

    Of jobs that share a unique key one is retried, and none whose key a newer job holds.
    """
    doing: dict[SetVerb, Callable[[], int]] = {
        "retry": lambda: len(retry_page(core, list(ids), fresh=fresh)),
        "cancel": lambda: cancel_jobs(core, ids),
        "pause": lambda: core.do(partial(_one_by_one, verb="pause_job", ids=ids)),
        "resume": lambda: core.do(partial(_one_by_one, verb="resume_job", ids=ids)),
    }
    changed = doing[verb]()
    if changed and verb in ("retry", "resume"):
        core.woken(None)
    return changed


def _one_by_one(store: SqlStore, *, verb: str, ids: Sequence[str]) -> int:
    # In the order in which sets of jobs are locked (0028): in a shared transaction each stays locked until its end.
    return sum(bool(store.call(verb, id=one, log=store.log)) for one in sorted(ids))


def purge_some(core: Core, *, limit: int, older_than: float = 0.0, **which: Any) -> int:
    """Deletes at most `limit` jobs of one `queue` in one ended `state`, of a `kind` if one is given; returns how many."""
    params = {"kind": None, "older": older_than, **which, "limit": limit}
    return len(core.do(lambda store: store.call("purge", **params)))
