"""The Lambda entry points for whoever needs no file of their own: `Handler: tickover.aws.handlers.tick`.

The application is `TICKOVER_APP=package.module:attr`, imported with the first event.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from tickover.app import Tickover
from tickover.app.find import load
from tickover.aws import functions
from tickover.errors import ConfigurationError


def tick(event: Any, context: Any) -> Any:
    """See `tickover.aws.tick_handler`."""
    return _handler("tick_handler")(event, context)


def scheduler(event: Any, context: Any) -> Any:
    """See `tickover.aws.scheduler_handler`."""
    return _handler("scheduler_handler")(event, context)


def reaper(event: Any, context: Any) -> Any:
    """See `tickover.aws.reaper_handler`."""
    return _handler("reaper_handler")(event, context)


def web(event: Any, context: Any) -> Any:
    """See `tickover.aws.web_handler`."""
    return _handler("web_handler")(event, context)


def migrate(event: Any, context: Any) -> Any:
    """See `tickover.aws.migrate_handler`."""
    return _handler("migrate_handler")(event, context)


@cache
def _handler(made_by: str) -> functions.Handler:
    made: functions.Handler = getattr(functions, made_by)(_application())
    return made


@cache
def _application() -> Tickover:
    if not (name := os.environ.get("TICKOVER_APP", "").strip()):
        raise ConfigurationError("Set TICKOVER_APP=package.module:attr, such as shop.jobs:jobs, on this function.")
    return load(name)
