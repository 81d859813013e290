"""`ctx.each`: pages over many ticks, with the cursor and the user's state in one checkpoint that is replaced."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tickover.domain.checkpoint import Checkpoint
from tickover.engine.drive import drive, drive_async
from tickover.engine.effects import Do, Keep, Verb
from tickover.engine.scope import Scope, check_step_name
from tickover.engine.typed import Typed
from tickover.errors import InvalidArgument

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext

T = TypeVar("T")
S = TypeVar("S")
_PLAIN = (bool, int, float, str, list, dict, tuple, type(None))


class Each(Generic[T, S]):
    """Pages of items; `.state` is saved with the cursor when the next page is asked for, and restored on resume."""

    def __init__(self, ctx: JobContext, name: str, fetch: Callable[[Any], Any], *, start: Any, state: S) -> None:
        #: The user's state: as given, or as it was when the last page ended.
        self.state = state
        self._ctx = ctx
        self._fetch = fetch
        self._name = name
        self._place = ctx.place
        self._key = ctx.scope.next(check_step_name(name))
        self._cursor_type, self._state_type = _type_of(start, "cursor"), _type_of(state, "state")
        self._cursor: Any = start
        self._page = 0
        self._done = False
        self._restore()

    def __iter__(self) -> Iterator[Sequence[T]]:
        while not self._done:
            items, following = drive(self._ctx, self._open())
            outer = self._enter()
            try:
                yield items
            finally:
                self._place.scope = outer
            drive(self._ctx, self._close(following))

    async def __aiter__(self) -> AsyncIterator[Sequence[T]]:
        while not self._done:
            items, following = await drive_async(self._ctx, self._open())
            outer = self._enter()
            try:
                yield items
            finally:
                self._place.scope = outer
            await drive_async(self._ctx, self._close(following))

    def _restore(self) -> None:
        recorded = self._ctx.flow.journal.replayed(self._key, "each")
        if recorded is not None:
            self._page, cursor, state, self._done = json.loads(recorded.value or "null")
            self._cursor, self.state = self._cursor_type.value(cursor), self._state_type.value(state)

    def _enter(self) -> Scope:
        """Steps of a page are numbered by the page, so that the record of one page never answers for another."""
        outer = self._place.scope
        self._place.scope = Scope(f"{self._key}[{self._page}]/")
        return outer

    def _open(self) -> Verb[tuple[Sequence[T], Any]]:
        flow = self._ctx.flow
        yield from flow.gate(self._name, None)
        begin = flow.now
        page = yield Do(partial(self._fetch, self._cursor))
        flow.desk.paces.saw(flow.run.job.kind, self._name, flow.now - begin)
        if not isinstance(page, tuple) or len(page) != 2:
            raise InvalidArgument("The function of ctx.each returns (items, next cursor or None).")
        return page

    def _close(self, following: Any) -> Verb[None]:
        finished = f"{self._key}[{self._page}]/"
        self._page, self._cursor, self._done = self._page + 1, following, following is None
        cursor = None if self._done else self._cursor_type.text(following, lossy=False)
        value = json.dumps([self._page, cursor, self._state_type.text(self.state, lossy=False), self._done])
        yield Keep((Checkpoint(key=self._key, kind="each", value=value, drops=finished),))


def _type_of(value: Any, what: str) -> Typed:
    """By the first value: JSON types come back as they are, others through their own type."""
    return Typed(Any if type(value) in _PLAIN else type(value), f"the {what} of ctx.each")
