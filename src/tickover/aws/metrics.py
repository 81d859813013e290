"""CloudWatch metrics in the embedded metric format: one line of JSON in the log, no call.

Written here and not by Powertools, whose import is longer than a tick. A tick without work says nothing: at one line a
minute the log would cost more than the ticks.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from tickover.clock import unix_millis
from tickover.domain.report import TickReport

if TYPE_CHECKING:
    from tickover.store.stats import Health

NAMESPACE: Final = "Tickover"
_COUNTS: Final = {
    "Completed": "completed", "Failed": "failed", "Retried": "retried", "Yielded": "yielded", "Lost": "lost",
    "Reaped": "reaped",
}  # fmt: skip


def of_tick(report: TickReport, context: Any) -> None:
    """What one tick did, and what it cost."""
    if not (report.claimed or report.reaped or report.error):
        return
    values = {name: float(getattr(report, field)) for name, field in _COUNTS.items()}
    values["GigabyteSeconds"] = gigabyte_seconds(report, context)
    values["ColdStarts"] = float(report.cold)
    values["Errors"] = float(report.stopped_because == "error")
    _emit(values, context)


def of_health(health: Health, context: Any) -> None:
    """How old the oldest job is that is due, and how many have failed for good."""
    values = {
        "OldestDueSeconds": health.oldest_due_seconds or 0.0,
        "DeadLetters": float(health.dead_letters),
        "ExpiredLeases": float(health.expired_leases),
    }
    _emit(values, context)


def gigabyte_seconds(report: TickReport, context: Any) -> float:
    """What Lambda charges a tick by: its memory times its time."""
    return round(int(getattr(context, "memory_limit_in_mb", 0) or 0) / 1024 * report.seconds, 4)


def _emit(values: dict[str, float], context: Any) -> None:
    units = [{"Name": name, "Unit": "Seconds" if "Seconds" in name else "Count"} for name in values]
    about = {"Namespace": NAMESPACE, "Dimensions": [["function"]], "Metrics": units}
    line = {
        "_aws": {"Timestamp": unix_millis(), "CloudWatchMetrics": [about]},
        "function": context.function_name,
        **values,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()  # before the process is frozen
