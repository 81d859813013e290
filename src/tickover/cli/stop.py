"""Signals: the first one asks for a graceful end, the second one ends the process at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop(threading.Event):
    """An event that a signal handler may set.

    The handler runs in the main thread, perhaps in the middle of this very event's lock, which is not reentrant: so
    what it sets is one attribute, and whoever waits looks at it now and then, as a tick does.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked = False
        #: Called when the stop is asked for; must be something that a signal handler may call.
        self.then: Callable[[], None] | None = None

    def set(self) -> None:
        self._asked = True
        if self.then is not None:
            self.then()

    def is_set(self) -> bool:
        return self._asked


@contextmanager
def stopping() -> Iterator[Stop]:
    """Inside the block SIGINT and SIGTERM set what it yields, and then exit with 128 and the signal's number."""
    stop = Stop()

    def ask(number: int, _frame: FrameType | None) -> None:
        # os.write and os._exit: nothing here may wait for a lock, or for a job that does not end.
        if stop.is_set():
            os.write(2, b"tickover: ended at once; what ran is taken up again when its lease is over\n")
            os._exit(128 + number)
        stop.set()
        os.write(2, b"tickover: ending; what runs may finish for a moment, a second signal ends at once\n")

    before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
