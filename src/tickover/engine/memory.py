"""Memory of the process: how much it has used, and when nobody searches it for cycles."""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def memory_mb() -> float:
    """The most memory this process has used, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


@contextmanager
def undisturbed() -> Iterator[None]:
    """No search for cycles meanwhile: taking or writing one set of jobs makes many objects, all of which live on.

    The collector would look through the whole process again and again, which took a third of a tick of short jobs. Between
    two sets it makes up for it, so that what user code leaves behind waits for one set at most.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
