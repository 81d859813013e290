"""A queue's cap over the whole fleet: the one limit whose number is in the database and not in code."""

from __future__ import annotations

from tickover.app.core import Core
from tickover.domain.limits import MOST, check_most, queue_key
from tickover.domain.options import check_name
from tickover.store.sql_store import SqlStore


def limit_queue(core: Core, queue: str, most: int | None) -> None:
    """See `Tickover.limit_queue`."""
    key = queue_key(check_name(queue, "queue"))
    if most is not None:
        check_most(most)

    def write(store: SqlStore) -> None:
        with store.transaction():
            store.call("limit_queue", key=key, most=MOST if most is None else most)
            store.pass_caps([key])  # there may be more room now: whoever waits for it goes on
            if most is None:
                store.call("limit_queue", key=key, most=None)

    core.do(write)
    core.woken(None)
