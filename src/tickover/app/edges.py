"""Where the settings name something that lives above us, at an edge: it is found by name, and only when it is asked for.

An import would say that the core cannot do without it, and it needs an extra; import-linter keeps the layers by that.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, cast

from tickover.engine.wake import Waker

if TYPE_CHECKING:
    from tickover.config import Settings


def waker(settings: Settings) -> Waker | None:
    """The waker that the settings name: a ladder on AWS, a URL, or None."""
    if settings.wake_function or settings.wake_queue_url or settings.wake_role_arn:
        return cast(Waker, import_module("tickover.aws.wakers").from_settings(settings))
    if settings.wake_url:
        from tickover.app.http_waker import HttpWaker

        return HttpWaker(settings.wake_url, settings.secret, token=settings.tick_token, hops=settings.wake_hops)
    return None


def login(settings: Settings) -> Callable[[str], str] | None:
    """What makes of a database URL the one to connect with; None where the URL says it all."""
    if not (settings.database_secret or settings.database_iam):
        return None
    return cast(Callable[[str], str], import_module("tickover.aws.credentials").login_from_settings(settings))
