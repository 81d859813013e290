"""Another connection in the place of a broken one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tickover.errors import StorageUnavailable

if TYPE_CHECKING:
    from tickover.store.port import Store

_TRIES: Final = 3


def reconnect(store: Store) -> None:
    """Opens a new connection, in a bounded number of tries; raises `StorageUnavailable` when none works."""
    for attempt in range(_TRIES):
        try:
            store.reopen()
        except StorageUnavailable:
            if attempt == _TRIES - 1:
                raise
        else:
            return
