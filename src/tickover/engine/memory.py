"""Memory of the process: how much it has used, and when nobody searches it for cycles."""

from __future__ import annotations

import gc
import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def memory_mb() -> float:
    """The most memory this process has used, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


class _Pause:
    """The collector's threshold while at least one tick of this process wants no search.

    The threshold and not `gc.disable()`: who saves that switch and puts it back later, as `timeit` does, would find our
    pause there and make it last for ever.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ticks = 0
        self._usual = gc.get_threshold()

    def begin(self) -> None:
        with self._lock:
            if not self._ticks:
                self._usual = gc.get_threshold()
                gc.set_threshold(0, *self._usual[1:])
            self._ticks += 1

    def end(self) -> None:
        with self._lock:
            self._ticks -= 1
            if not self._ticks:
                self._restore()

    def forget(self) -> None:
        """In a forked child, which has none of the threads that would end it."""
        if self._ticks:
            self._restore()
        self._lock, self._ticks = threading.Lock(), 0

    def _restore(self) -> None:
        if gc.get_threshold()[0] == 0:  # else somebody set another meanwhile, which stays
            gc.set_threshold(*self._usual)


_pause = _Pause()
os.register_at_fork(after_in_child=_pause.forget)


@contextmanager
def undisturbed() -> Iterator[None]:
    """No search for cycles meanwhile: taking or writing one set of jobs makes many objects, all of which live on.

    The collector would look through the whole process again and again, which took a third of a tick of short jobs. Between
    two sets it makes up for it, so that what user code leaves behind waits for one set at most.
    """
    _pause.begin()
    try:
        yield
    finally:
        _pause.end()
