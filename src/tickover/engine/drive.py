"""Runs a verb: on the worker's thread for `def` handlers, on the loop for `async def` ones."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tickover.domain.checkpoint import Checkpoint
from tickover.engine.effects import Ask, Do, Effect, Keep, Rest, Verb
from tickover.engine.inbox import Ask as Asked
from tickover.engine.inbox import Save
from tickover.engine.interrupt import Interrupt
from tickover.engine.running import inside_step, running
from tickover.errors import InvalidArgument

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext

T = TypeVar("T")


class TimedOut(Exception):
    """A run or a step took longer than its `timeout`."""


class Course(Generic[T]):
    """A verb under way: the effect it waits for, then its value."""

    def __init__(self, verb: Verb[T]) -> None:
        self._verb = verb
        self.effect: Effect | None = None
        self.value: Any = None
        self._go(lambda: next(verb))

    def send(self, answer: Any) -> None:
        """Goes on with an answer."""
        self._go(lambda: self._verb.send(answer))

    def throw(self, error: BaseException) -> None:
        """Goes on with an error."""
        self._go(lambda: self._verb.throw(error))

    def _go(self, on: Callable[[], Effect]) -> None:
        try:
            self.effect = on()
        except StopIteration as end:
            self.effect, self.value = None, end.value


def drive(context: JobContext, verb: Verb[T]) -> T:
    """Runs a verb to its value; the calling thread waits."""
    with _turn(context):
        course = Course(verb)
        while course.effect is not None:
            try:
                answer = _perform(context, course.effect)
            except BaseException as error:  # noqa: BLE001  # the verb decides what an error means
                course.throw(error)
            else:
                course.send(answer)
        value: T = course.value
        return value


async def drive_async(context: JobContext, verb: Verb[T]) -> T:
    """Runs a verb to its value; the calling task waits."""
    with _turn(context):
        course = Course(verb)
        while course.effect is not None:
            try:
                answer = await _perform_async(context, course.effect)
            except BaseException as error:  # noqa: BLE001  # the verb decides what an error means
                course.throw(error)
            else:
                course.send(answer)
        value: T = course.value
        return value


@contextmanager
def _turn(context: JobContext) -> Iterator[None]:
    """One verb at a time: what two threads or tasks of a job do at once has no order that a replay could keep."""
    flow = context.flow
    if inside_step.get():
        raise InvalidArgument(
            "A step's function may use progress(), check(), remaining and log of ctx, and nothing else: take steps in the handler."
        )
    if flow.gathering:
        yield  # siblings, whose keys were given out in the order of their making
        return
    if flow.active is not context.frame:
        raise InvalidArgument(
            "ctx is in use already: one verb of a job at a time, and in a called handler only its own ctx. "
            "In an async handler await ctx.gather(…) runs steps at once."
        )
    flow.active = None
    try:
        yield
    finally:
        flow.active = context.frame


def _perform(context: JobContext, effect: Effect) -> Any:
    match effect:
        case Do(timeout=None):
            return _do(context, effect)
        case Do():
            return _bounded(lambda: _do(context, effect), effect.timeout)
        case Rest():
            return context.flow.run.rest(effect.seconds)
    item = _item(context, effect)
    context.flow.desk.inbox.put(item)
    return _stands(context, item, item.answer.result())


async def _perform_async(context: JobContext, effect: Effect) -> Any:
    match effect:
        case Do():
            return await _do_async(context, effect)
        case Rest():
            return await asyncio.sleep(effect.seconds)
    item = _item(context, effect)
    context.flow.desk.inbox.put(item)
    return _stands(context, item, await asyncio.wrap_future(item.answer))


def _item(context: JobContext, effect: Keep | Ask) -> Save | Asked:
    if isinstance(effect, Keep):
        return Save(context.flow.run, context.flow.journal.take(*effect.checkpoints))
    return Asked(effect.work, again=True)


def _stands(context: JobContext, item: Save | Asked, answer: Any) -> Any:
    if isinstance(item, Asked):
        return answer
    stood: dict[Any, Checkpoint] = answer
    context.flow.journal.recorded(item.saves, stood)
    last = item.saves[-1].checkpoint
    return stood.get(last.key, last)


def _do(context: JobContext, effect: Do) -> Any:
    with _inside(context, effect.context):
        value = effect.call()
    if inspect.iscoroutine(value):
        value.close()
        raise InvalidArgument("A def handler cannot await: call async code from an async def handler.")
    return value


async def _do_async(context: JobContext, effect: Do) -> Any:
    limit = asyncio.timeout(effect.timeout)
    try:
        with _inside(context, effect.context):
            async with limit:
                if _is_async(effect.call):
                    return await effect.call()
                value = await in_thread(effect.call)
                return await value if inspect.isawaitable(value) else value
    except TimeoutError as error:
        if limit.expired():
            raise TimedOut(f"timed out after {effect.timeout:g} s") from error
        raise


def _is_async(call: Callable[[], Any]) -> bool:
    inner = getattr(call, "func", call)
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(getattr(inner, "__call__", None))  # noqa: B004  # its kind is asked, not whether it is there


@contextmanager
def _inside(context: JobContext, callee: JobContext | None) -> Iterator[None]:
    """Around user code: a called handler has a context of its own, a step's function has none."""
    ours, inside = running.set(callee or context), inside_step.set(callee is None)
    if callee is not None:
        context.flow.active = callee.frame
    try:
        yield
    finally:
        if callee is not None and not context.flow.gathering:
            context.flow.active = None
        running.reset(ours)
        inside_step.reset(inside)


def _bounded(call: Callable[[], Any], timeout: float | None) -> Any:
    """The call in a thread of its own: one that takes too long is left behind, since no thread can be stopped."""
    answer: Future[Any] = Future()
    _start(call, answer)
    try:
        return answer.result(timeout)
    except TimeoutError as error:
        if answer.done():
            raise
        raise TimedOut(f"timed out after {timeout:g} s") from error


async def in_thread(call: Callable[[], Any]) -> Any:
    """The call in a daemon thread of its own; not in the loop's executor, which waits for its threads at exit."""
    answer: Future[Any] = Future()
    _start(call, answer)
    return await asyncio.wrap_future(answer)


def _start(call: Callable[[], Any], answer: Future[Any]) -> None:
    context = copy_context()

    def body() -> None:
        try:
            value = context.run(call)
        except BaseException as error:  # noqa: BLE001  # SystemExit too: it would end this thread and answer nobody
            _answer(answer.set_exception, error)
        else:
            _answer(answer.set_result, value)

    threading.Thread(target=body, name="tickover-step", daemon=True).start()


def _answer(give: Callable[[Any], None], what: Any) -> None:
    with suppress(InvalidStateError):  # the one who asked has gone
        give(what)


Branch = Coroutine[Any, Any, Any]


async def together(context: JobContext, branches: tuple[Branch, ...]) -> list[Any]:
    """Runs sibling steps at once, each to its end; then raises what went wrong first in the order of the siblings.

    An interrupt wins over a failure: the run ends with it, whatever the other siblings did.
    """
    flow, before, key = context.flow, context.flow.active, context.scope.next("gather")

    async def within(branch: Branch, index: int) -> Any:
        context.branch(f"{key}[{index}]/")
        return await branch

    flow.gathering += 1
    try:
        siblings = [within(branch, index) for index, branch in enumerate(branches)]
        ended = await asyncio.gather(*siblings, return_exceptions=True)
    finally:
        flow.gathering -= 1
        flow.active = before
        if not flow.gathering:
            flow.journal.joined()
    for wanted in (Interrupt, BaseException):
        for one in ended:
            if isinstance(one, wanted):
                raise one
    return ended
