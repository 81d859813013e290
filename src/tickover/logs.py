"""Log records that say which job they are about: a filter that adds the fields, and a JSON formatter that writes them.

Everything of ours logs below the logger `tickover`. Handlers and levels are the application's; only on Lambda, whose
root logger the platform has set up already, its lines become JSON by themselves.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any, Final

from tickover.engine.running import running

FIELDS: Final = ("job_id", "job_kind", "queue", "attempt", "tick_id")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JobFields(logging.Filter):
    """Gives every record `job_id`, `job_kind`, `queue`, `attempt` and `tick_id`; None outside a job.

    Add it to a handler (`handler.addFilter(JobFields())`): then records of any logger have them, the application's own
    too, and a format may name them: `%(job_id)s`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns True always: it adds, and drops nothing."""
        context = running.get()
        known = {} if context is None else context.log_fields
        for name in FIELDS:
            if not hasattr(record, name):
                setattr(record, name, known.get(name))
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object per line: timestamp, level, logger, message, the job's fields where there are any, and extras."""

    def __init__(self, *, end: str = "") -> None:
        super().__init__()
        self._end = end
        self._fields = JobFields()

    def format(self, record: logging.LogRecord) -> str:
        """Returns the record as one line; what has no JSON form is written as text."""
        self._fields.filter(record)
        said: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        said |= {name: value for name in FIELDS if (value := getattr(record, name)) is not None}
        extras = vars(record).keys() - _STANDARD - set(FIELDS)
        said |= {name: getattr(record, name) for name in sorted(extras)}
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            said["stack"] = self.formatStack(record.stack_info)
        return json.dumps(said, default=str, ensure_ascii=False) + self._end


def on_lambda() -> None:
    """Makes the lines of a Lambda function JSON with the job's fields; does nothing anywhere else. Safe to repeat."""
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return
    for handler in logging.getLogger().handlers:
        if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":  # the platform's own formatter writes what a record has
            if not any(isinstance(one, JobFields) for one in handler.filters):
                handler.addFilter(JobFields())
        elif not isinstance(handler.formatter, JsonFormatter):
            # The platform's handler leaves the end of the line to the formatter, a stream handler does not.
            handler.setFormatter(JsonFormatter(end="" if isinstance(handler, logging.StreamHandler) else "\n"))


__all__ = ["FIELDS", "JobFields", "JsonFormatter", "on_lambda"]
