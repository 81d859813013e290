"""A callback: the address under which somebody outside answers once, and the wait for that answer."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tickover.domain.ids import StepKey
from tickover.engine.drive import drive, drive_async
from tickover.engine.typed import Typed
from tickover.engine.waits import wait_for_callback
from tickover.errors import ConfigurationError

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext

T = TypeVar("T")


class Address:
    """Where an answer is posted to; equal at every replay."""

    def __init__(self, ctx: JobContext, opened: tuple[StepKey, datetime | None, str], typed: Typed) -> None:
        self._ctx = ctx
        self._key, self._expires, self.token = opened
        self._typed = typed

    @property
    def url(self) -> str:
        """The address to hand out; raises `ConfigurationError` when nobody said where this application is reached."""
        base = self._ctx.flow.desk.means.public_url
        if base is None:
            raise ConfigurationError(
                "Set TICKOVER_PUBLIC_URL (Settings.public_url) to the address of tickover.web, for cb.url to lead there."
            )
        return f"{base.rstrip('/')}/callbacks/{self.token}"


class Callback(Address, Generic[T]):
    """What `ctx.callback` gives a `def` handler."""

    def wait(self) -> T:
        """The answer, of the type that was asked for; None when a timeout was said and ran out first."""
        answer: T = drive(self._ctx, wait_for_callback(self._ctx, self._key, self._expires, self._typed))
        return answer


class AsyncCallback(Address, Generic[T]):
    """What `ctx.callback` gives an `async def` handler."""

    def wait(self) -> Coroutine[Any, Any, T]:
        """The answer, of the type that was asked for; None when a timeout was said and ran out first."""
        return drive_async(self._ctx, wait_for_callback(self._ctx, self._key, self._expires, self._typed))
