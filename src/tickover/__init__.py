"""Durable jobs and workflows on the SQL database you already have, with no process that stays up.

Each name is imported with its first use: a cold start pays for what it needs (tests/architecture/test_cold_start.py).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tickover import errors, events
    from tickover.app import Tickover
    from tickover.app.handler import Handler
    from tickover.app.http_waker import HttpWaker
    from tickover.app.newjob import NewJob
    from tickover.config import Settings
    from tickover.domain.budget import Budget
    from tickover.domain.declared import ScheduleView
    from tickover.domain.fanout import (
        CollectAll,
        FailFast,
        Result,
        Threshold,
        all_succeeded,
        partition,
        success_count,
        values,
    )  # fmt: skip
    from tickover.domain.job_view import Job, Page
    from tickover.domain.limits import cap, rate
    from tickover.domain.payload import JSON
    from tickover.domain.report import TickReport
    from tickover.domain.retry import ExponentialBackoff
    from tickover.domain.schedule import Schedule, cron, daily, every, weekly
    from tickover.engine.async_context import AsyncContext
    from tickover.engine.context import Context
    from tickover.engine.wake import LocalWaker, Waker
    from tickover.errors import DuplicateJob, JobNotFound, NoRetry, PayloadError, RetryAfter, StepFailed, TickoverError
    from tickover.store.pool import Pool

#: Where each name is; the same list as above, once for type checkers and once for Python.
_HOMES = {
    "app": "Tickover", "app.handler": "Handler", "app.http_waker": "HttpWaker", "app.newjob": "NewJob", "config": "Settings",
    "domain.budget": "Budget", "domain.declared": "ScheduleView",
    "domain.fanout": "CollectAll FailFast Result Threshold all_succeeded partition success_count values",
    "domain.job_view": "Job Page", "domain.limits": "cap rate", "domain.payload": "JSON", "domain.report": "TickReport",
    "domain.retry": "ExponentialBackoff", "domain.schedule": "Schedule cron daily every weekly",
    "engine.async_context": "AsyncContext", "engine.context": "Context", "engine.wake": "LocalWaker Waker",
    "errors": "DuplicateJob JobNotFound NoRetry PayloadError RetryAfter StepFailed TickoverError", "store.pool": "Pool",
}  # fmt: skip
_HOME_OF = {name: f"tickover.{home}" for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "JSON", "AsyncContext", "Budget", "CollectAll", "Context", "DuplicateJob", "ExponentialBackoff", "FailFast", "Handler",
    "HttpWaker", "Job", "JobNotFound", "LocalWaker", "NewJob", "NoRetry", "Page", "PayloadError", "Pool", "Result", "RetryAfter",
    "Schedule", "ScheduleView", "Settings", "StepFailed", "Threshold", "TickReport", "Tickover", "TickoverError", "Waker",
    "all_succeeded", "cap", "cron", "daily", "errors", "events", "every", "partition", "rate", "success_count", "values",
    "weekly",
]  # fmt: skip


if not TYPE_CHECKING:  # a type checker must see no __getattr__: then a misspelt name is an error there too

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        if name in ("errors", "events"):
            return import_module(f"tickover.{name}")
        if (home := _HOME_OF.get(name)) is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(home), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
