"""One scheduler run in a process of its own, killed by itself at a named point."""

from __future__ import annotations

import os
import signal
from typing import Any, Final

import psycopg  # noqa: F401  # imported before the fork, like everything else that a warm worker has

from tests.support.process_nursery import say
from tests.unit.test_slots_proof import FIXED, ZONES
from tickover import NewJob, Settings, Tickover, cron, faults

#: Which of the proof's patterns: daily, weekly, and two odd ones.
PATTERNS: Final = (0, 2, 5, 7)


def application(url: str) -> Tickover:
    """Every pattern in every zone, and each minute in one."""
    jobs = Tickover(url, settings=Settings())
    for zone in ZONES:
        for number in PATTERNS:
            _declare(jobs, f"p{number}.{zone.replace('/', '.')}", FIXED[number][0](zone))
    _declare(jobs, "minutes", cron("* * * * *", tz="Europe/Berlin"))
    return jobs


def _declare(jobs: Tickover, name: str, schedule: Any) -> None:
    jobs.schedule(NewJob("work", name, remote=True), schedule, name=name, catch_up=1000)


def main(*, url: str, point: str | None, after: int) -> None:
    """Runs the scheduler; at the `after`-th time that it comes to `point`, it kills itself."""
    seen = 0

    def on_hit(name: str) -> None:
        nonlocal seen
        seen += name == point
        if name == point and seen == after:
            os.kill(os.getpid(), signal.SIGKILL)

    faults.arm(on_hit)
    with application(url) as jobs:
        report = jobs.run_scheduler(60)
    say("report", fired=report.fired, more=report.more)
