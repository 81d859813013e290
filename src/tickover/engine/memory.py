"""Memory of the process: how much it has used, and what the collector need not look at while a tick runs."""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

P = ParamSpec("P")


def memory_mb() -> float:
    """The most memory this process has used, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


@contextmanager
def set_aside() -> Iterator[None]:
    """What was there before (modules, types, caches) is not searched for cycles meanwhile.

    A tick of 10,000 small jobs makes so many objects that the collector looks through the whole process again and again;
    that took a tenth of the tick. What user code leaves behind during the tick is collected as ever.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def undisturbed(work: Callable[P, None], /, *args: P.args, **kwargs: P.kwargs) -> None:
    """Does `work` with no search for cycles meanwhile: taking or writing one set makes many objects that all live on.

    Between two sets the collector makes up for it, so that user code's cycles wait for one set at most.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        work(*args, **kwargs)
    finally:
        if was:
            gc.enable()
