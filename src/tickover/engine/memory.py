"""How much memory this process has used: for the tick's row."""

from __future__ import annotations

import resource
import sys


def memory_mb() -> float:
    """The most memory this process has used, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
