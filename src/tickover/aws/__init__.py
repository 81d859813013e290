"""The AWS edge: Lambda handlers, wakers, credentials and the doctor. It needs the extra `tickover[aws]` for boto3.

`Handler: tickover.aws.handlers.tick` with `TICKOVER_APP=package.module:attr` needs no file of yours; the functions here
are for wiring of your own.
"""

from __future__ import annotations

from tickover.aws.functions import migrate_handler, reaper_handler, scheduler_handler, tick_handler, web_handler
from tickover.aws.wakers import LambdaWaker, SchedulerWaker, SqsWaker, WakeLadder

__all__ = [
    "LambdaWaker",
    "SchedulerWaker",
    "SqsWaker",
    "WakeLadder",
    "migrate_handler",
    "reaper_handler",
    "scheduler_handler",
    "tick_handler",
    "web_handler",
]
