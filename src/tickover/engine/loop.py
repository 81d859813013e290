"""One event loop in one thread, for the `async def` handlers of a tick; made when the first of them is claimed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any

from tickover.engine.interrupt import Interrupt, TickClosed
from tickover.engine.run import Run


class EventLoop:
    """Made lazily, re-entered after a BaseException, ended with the tick."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._open: set[Future[Any]] = set()
        self._closed = False

    def run(self, body: Callable[[], Coroutine[Any, Any, Any]], run: Run) -> Any:
        """Runs a coroutine for a worker thread, which waits; returns its value or raises what it raised.

        Raises:
            TickClosed: the loop ended before the coroutine did.
        """
        answer: Future[Any] = Future()
        loop = self._started(answer)

        async def guarded() -> None:
            # Nothing may escape into the loop: SystemExit out of one job's task would end every other job's.
            try:
                value = await body()
            except asyncio.CancelledError as error:
                _refuse(answer, _cancelled(run, error))
            except BaseException as error:  # noqa: BLE001  # handed to the worker, which knows what it means
                _refuse(answer, _unwrapped(error))
            else:
                with suppress(InvalidStateError):  # the tick was over first
                    answer.set_result(value)

        def start() -> None:
            task = loop.create_task(guarded())
            run.interruptible(lambda: loop.call_soon_threadsafe(task.cancel))

        loop.call_soon_threadsafe(start)
        try:
            return answer.result()
        finally:
            run.interruptible(None)
            with self._lock:
                self._open.discard(answer)

    def close(self, seconds: float = 1.0) -> None:
        """Ends the loop; what still runs in it is cancelled, and its thread is waited for so long at most."""
        with self._lock:
            self._closed = True
            loop, thread, waiting = self._loop, self._thread, list(self._open)
            self._loop = self._thread = None
        for answer in waiting:  # a coroutine that swallows its cancellation must not keep its worker for ever
            _refuse(answer, TickClosed("the tick is over"))
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(_end, loop)
        thread.join(
            timeout=max(0.0, seconds)
        )  # a task that blocks the loop keeps its daemon thread; its writes are fenced off

    def _started(self, answer: Future[Any]) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise TickClosed("the tick is over")
            self._open.add(answer)
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_turn, args=(self._loop,), name="tickover-loop", daemon=True)
                self._thread.start()
            return self._loop


def _refuse(answer: Future[Any], error: BaseException) -> None:
    with suppress(InvalidStateError):  # answered already: by the coroutine, or by the end of the tick
        answer.set_exception(error)


def _cancelled(run: Run, error: asyncio.CancelledError) -> BaseException:
    """A cancellation of ours ends the run unharmed; one from inside, such as an awaited task's, is a failure."""
    if run.stopped:
        return TickClosed("the run was cancelled")
    inside = RuntimeError("the handler was cancelled from inside: something that it awaited was cancelled")
    inside.__cause__ = error
    return inside


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    ended = False
    while not ended:
        try:
            loop.run_forever()
            ended = True
        except BaseException:  # noqa: BLE001, S112  # a callback's SystemExit: the loop goes on for the other jobs
            continue
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _end(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    # One more turn, so that the cancelled tasks can unwind, then stop.
    loop.call_soon(lambda: loop.call_soon(loop.stop))


def _unwrapped(error: BaseException) -> BaseException:
    """An Interrupt that a TaskGroup wrapped into a group; else the error itself."""
    if isinstance(error, BaseExceptionGroup):
        found: BaseException | None = error.subgroup(Interrupt)
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        return found or error
    return error
