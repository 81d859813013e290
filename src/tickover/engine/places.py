"""Places of caps: what frees one wakes the next in order, in the same transaction.

A place counts only while its job runs under the epoch that took it, so every end of a run frees it by itself; what is
left to do is to wake who waits. Caps are locked first, then jobs (4-data, rule 7).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tickover.domain.ids import JobId
from tickover.store.port import Store

_KEYS_AT_ONCE: Final = 200


def lock_caps(store: Store, keys: Iterable[str]) -> None:
    """Locks caps in key order, before any job, in the open transaction; nothing when there are none."""
    if wanted := sorted(set(keys)):
        store.lock_limits(dict.fromkeys(wanted, (None, None)))


def pass_on(store: Store, keys: Iterable[str], freed: Iterable[JobId]) -> int:
    """What these jobs held goes to those that wait for it, in the transaction that freed it; returns how many woke."""
    wanted = sorted(set(keys))
    if not wanted:
        return 0
    store.free_slots(freed)
    return store.pass_caps(wanted)


def sweep(store: Store) -> int:
    """Wakes who waits for a cap that has room: a place was kept for a job that nobody claimed in time. Prunes besides."""
    woken = 0
    keys, old = store.caps_waited_for(_KEYS_AT_ONCE)
    if keys:
        with store.transaction():
            lock_caps(store, keys)
            woken = store.pass_caps(keys)
    if old:
        store.prune_limits()
    return woken
