"""The exceptions of Tickover, drawn as the tree they form.

TickoverError
├── InvalidArgument (also ValueError)   ├── ConfigurationError   ├── HandlerNotFound      ├── PayloadError (.path)
├── DuplicateJob (.job_id)              ├── InvalidTransition
├── JobNotFound · JobNotCompleted · JobFailedError · JobCancelledError
├── ScheduleError                       ├── SignalError          ├── StorageUnavailable   └── MigrationRequired
└── JobError, raised by or to handlers:
    NoRetry(reason) · RetryAfter(delay, reason) · StepFailed · FanOutFailed(.results) · NonDeterminism · StepInterrupted

An exception raised without a message says its own docstring: documentation and error text cannot drift apart.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any


class TickoverError(Exception):
    """Something in Tickover could not be done."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").split("\n")[0])


class InvalidArgument(TickoverError, ValueError):
    """An argument is outside what this call accepts."""


class ConfigurationError(TickoverError):
    """The settings contradict each other or miss something."""


class HandlerNotFound(TickoverError):
    """No handler is registered under this name."""


class PayloadError(TickoverError):
    """A payload does not fit its handler, or cannot be stored."""

    def __init__(self, message: str | None = None, *, path: str = "$") -> None:
        super().__init__(message)
        #: Where in the payload, as a JSON path: `$.items[2].price`.
        self.path = path


class DuplicateJob(TickoverError):
    """A job that is not finished yet holds this unique key."""

    def __init__(self, message: str | None = None, *, job_id: str) -> None:
        super().__init__(message)
        #: The id of the job that holds the key.
        self.job_id = job_id


class InvalidTransition(TickoverError):
    """The job's state does not allow this."""


class JobNotFound(TickoverError):
    """No job has this id."""


class JobNotCompleted(TickoverError):
    """The job has not ended yet; give `wait=` seconds, or ask again later."""


class JobFailedError(TickoverError):
    """The job failed; the message is its last error."""


class JobCancelledError(TickoverError):
    """The job was cancelled and has no result."""


class ScheduleError(TickoverError):
    """A schedule cannot be used as declared."""


class SignalError(TickoverError):
    """A signal cannot be sent or received like this."""


class StorageUnavailable(TickoverError):
    """The database cannot be reached, or went away."""


class MigrationRequired(TickoverError):
    """The database has no Tickover tables of this version: run `tickover migrate` (or `jobs.migrate()`) first."""


class JobError(TickoverError):
    """Raised by a handler, or to one."""


class NoRetry(JobError):
    """Ends the job now, whatever retry budget is left."""

    def __init__(self, reason: str = "not worth a retry") -> None:
        super().__init__(reason)
        self.reason = reason


class RetryAfter(JobError):
    """Retries the job after exactly `delay` (seconds or timedelta), if retry budget remains."""

    def __init__(self, delay: timedelta | float, reason: str = "") -> None:
        seconds = delay.total_seconds() if isinstance(delay, timedelta) else float(delay)
        # NaN fails every comparison, so it is refused here and not by the database.
        if not 0 <= seconds <= 10 * 365 * 86_400:
            raise InvalidArgument(f"RetryAfter takes 0 seconds to 10 years, not {delay!r}.")
        super().__init__(reason or f"retry after {seconds:g} s")
        self.delay = seconds
        self.reason = reason


class StepFailed(JobError):
    """A step of a workflow failed; equal on the first run and on every replay."""

    def __init__(self, step: str, error_kind: str, message: str) -> None:
        super().__init__(message)
        self.step = step
        self.error_kind = error_kind
        self.message = message


class FanOutFailed(JobError):
    """A fan-out did not reach what its strategy asks for; `.results` has every slot."""

    def __init__(self, message: str | None = None, *, results: list[Any] | None = None) -> None:
        super().__init__(message)
        self.results: list[Any] = results or []


class NonDeterminism(JobError):
    """A replay took another path than the recorded run."""


class StepInterrupted(JobError):
    """A step was started in an earlier run and its end is unknown."""


__all__ = [
    "ConfigurationError",
    "DuplicateJob",
    "FanOutFailed",
    "HandlerNotFound",
    "InvalidArgument",
    "InvalidTransition",
    "JobCancelledError",
    "JobError",
    "JobFailedError",
    "JobNotCompleted",
    "JobNotFound",
    "MigrationRequired",
    "NoRetry",
    "NonDeterminism",
    "PayloadError",
    "RetryAfter",
    "ScheduleError",
    "SignalError",
    "StepFailed",
    "StepInterrupted",
    "StorageUnavailable",
    "TickoverError",
]
