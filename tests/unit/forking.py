"""Runs a function in a forked child, with an end in sight."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable


def in_child(work: Callable[[], str], *, seconds: int = 20) -> tuple[int, str]:
    """The child's exit status and what `work` returned there; a child that hangs is ended by an alarm."""
    reads, writes = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks in threaded processes
        child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(seconds)
            with os.fdopen(writes, "w") as out:
                out.write(work())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writes)
    with os.fdopen(reads) as answer:
        said = answer.read()
    _, status = os.waitpid(child, 0)
    return status, said
