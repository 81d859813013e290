"""`ctx.call` and `ctx.step`: from what the user wrote to the plan of one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from tickover.domain.checkpoint import hash_args
from tickover.engine.effects import Do
from tickover.engine.registry import Kind
from tickover.engine.scope import check_step_name
from tickover.engine.steps import StepPlan
from tickover.engine.typed import NOTHING, Typed, returned_by
from tickover.errors import InvalidArgument

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext


def plan_step(
    ctx: JobContext, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> StepPlan:
    """The plan of `ctx.step(name, fn, …)`; the key is given out now, so siblings are numbered as they are made."""
    if hasattr(fn, "kind") and hasattr(fn, "enqueue"):
        raise InvalidArgument(f"{fn!r} is a job: ctx.call(handler, …) runs it here; ctx.step takes a plain function.")
    if not callable(fn):
        raise InvalidArgument(f"ctx.step({name!r}, …) takes a function and its arguments, not {fn!r:.80}.")
    timeout = ctx.options.get("timeout")
    return StepPlan(
        key=ctx.scope.next(check_step_name(name)), name=name, kind="step", args_hash=hash_args(args, dict(kwargs)),
        typed=returned_by(fn), start=lambda: Do(partial(fn, *args, **kwargs), timeout),
    )  # fmt: skip


def plan_call(
    ctx: JobContext, what: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, returns: Any
) -> StepPlan:
    """The plan of `ctx.call(handler, …)` or `ctx.call("name", payload, returns=T)`.

    Raises:
        HandlerNotFound, PayloadError, InvalidArgument: it cannot be called here, or not like this.
    """
    kind: Kind = ctx.flow.desk.registry.find(what) if isinstance(what, str) else _kind(what)
    if isinstance(what, str):
        text = kind.payload_from(args[0]) if args else None
        typed = kind.result if returns is NOTHING else Typed(returns, repr(kind.name))
    else:
        text, typed = kind.payload_of(args, kwargs), kind.result
    kind.bind(text)  # what does not fit is refused before the step begins
    if kind.remote:
        raise InvalidArgument(f"{kind.name!r} runs elsewhere (remote=True): enqueue it, or fan it out.")
    if kind.is_async and not ctx.is_async:
        raise InvalidArgument(f"{kind.name!r} is an async def handler: only an async def handler can call it.")
    key, timeout = ctx.scope.next(kind.name), ctx.options.get("timeout")

    def start() -> Do:
        child = ctx.child(key)
        own = (child,) if kind.takes_context else ()
        return Do(partial(kind.fn, *own, **kind.bind(text)), timeout, child)

    return StepPlan(key=key, name=kind.name, kind="call", args_hash=hash_args(text), typed=typed, start=start)


def _kind(what: Any) -> Kind:
    kind = getattr(what, "kind", None)
    if not isinstance(kind, Kind):
        raise InvalidArgument(f"ctx.call takes a handler or its name, not {what!r:.80}; ctx.step runs plain functions.")
    return kind
