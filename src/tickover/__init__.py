"""Durable jobs and workflows on the SQL database you already have, with no process that stays up."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import TypeAliasType

from tickover import errors
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
)
from tickover.domain.job import Job, Page
from tickover.domain.limits import cap, rate
from tickover.domain.report import TickReport
from tickover.domain.retry import ExponentialBackoff
from tickover.domain.schedule import Schedule, cron, daily, every, weekly
from tickover.engine.async_context import AsyncContext
from tickover.engine.context import Context
from tickover.engine.wake import LocalWaker, Waker
from tickover.errors import DuplicateJob, JobNotFound, NoRetry, PayloadError, RetryAfter, StepFailed, TickoverError
from tickover.store.pool import Pool

if TYPE_CHECKING:
    from tickover import events

#: What JSON can hold. A named alias, since pydantic must be able to read it in a user's annotations too.
JSON = TypeAliasType("JSON", "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None")

__all__ = [
    "JSON", "AsyncContext", "Budget", "CollectAll", "Context", "DuplicateJob", "ExponentialBackoff", "FailFast", "Handler",
    "HttpWaker", "Job", "JobNotFound", "LocalWaker", "NewJob", "NoRetry", "Page", "PayloadError", "Pool", "Result", "RetryAfter",
    "Schedule", "ScheduleView", "Settings", "StepFailed", "Threshold", "TickReport", "Tickover", "TickoverError", "Waker",
    "all_succeeded", "cap", "cron", "daily", "errors", "events", "every", "partition", "rate", "success_count", "values",
    "weekly",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """`events` with its first use: twenty classes that a cold start does not need."""
    if name == "events":
        from importlib import import_module

        return import_module("tickover.events")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
