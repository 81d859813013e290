"""`ctx.fan_out`: children and park in one transaction, then the slots as one checkpoint, the same at every replay."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tickover.clock import millis
from tickover.domain.checkpoint import Checkpoint, hash_args
from tickover.domain.fanout import (
    MOST_CHILDREN,
    CollectAll,
    FailFast,
    FanOutPlan,
    Result,
    Slot,
    Status,
    Strategy,
    Threshold,
    unfinished,
)
from tickover.domain.ids import StepKey, child_ids, derived_id
from tickover.domain.payload import MAX_BYTES
from tickover.domain.retry import seconds
from tickover.domain.states import TERMINAL
from tickover.engine.effects import Ask, Keep, Verb
from tickover.engine.fan_in import time_out
from tickover.engine.interrupt import Suspend
from tickover.engine.typed import Typed
from tickover.engine.waits import suspended
from tickover.errors import FanOutFailed, InvalidArgument, JobCancelledError, JobFailedError

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext
    from tickover.store.flow_port import FanOutView
    from tickover.store.port import Store

_REFUSED = ("unique", "idempotency_key", "session")


def listed(news: object) -> list[Any]:
    """The children as a list, made before the verb begins: a generator may use verbs of its own."""
    if not isinstance(news, Iterable):
        raise InvalidArgument(f"ctx.fan_out takes a list of handler.new(…) or NewJob(…), not {news!r:.80}.")
    return list(news)


def fan_out(ctx: JobContext, news: Sequence[Any], strategy: Any, options: Mapping[str, Any]) -> Verb[list[Result[Any]]]:
    """Runs every job of the list as a child; returns their slots in order when the strategy has decided.

    Raises:
        FanOutFailed: the strategy cannot be met any more, or the time is over; it has every slot.
    """
    strategy = _checked(strategy)
    key, flow = ctx.scope.next("fan_out"), ctx.flow
    flow.boundary()
    rows = _rows(ctx, news, options)
    recorded = flow.journal.replayed(key, "fan_out", hash_args([[row["kind"], row.get("args")] for row in rows]))
    if recorded is None:
        if not rows:
            flow.journal.later(_opened(key, None, rows))
            return []
        raise _opening(ctx, key, rows, strategy, options)
    fan_out_id = json.loads(recorded.value or "null")
    if fan_out_id is None:
        return []
    status, slots = yield from _slots(ctx, StepKey(f"{key}/slots"), fan_out_id)
    return _results(ctx, news, slots, strategy, late=status == "timed_out")


def _rows(ctx: JobContext, news: Sequence[Any], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The children as rows of the enqueue verb, checked before anything is written; they inherit what nobody said."""
    if len(news) > MOST_CHILDREN:
        raise InvalidArgument(
            f"A fan-out has {MOST_CHILDREN:,} children at most, not {len(news):,}: fan out in portions, or use ctx.each."
        )
    defaults = {name: value for name, value in options.items() if name not in ("timeout", "cancel_on_failure")}
    job, rows = ctx.flow.run.job, []
    for new in news:
        refused = [name for name in _REFUSED if name in getattr(new, "options", {})]
        if refused:
            raise InvalidArgument(f"A child of a fan-out takes no {refused[0]}=: its fan-out writes it, once.")
        row = ctx.flow.desk.means.row(new, defaults)
        inherited = {"queue": job.queue, "tenant": job.tenant, "priority": job.priority, "meta": job.meta}
        rows.append({**{name: value for name, value in inherited.items() if value is not None}, **row})
    return rows


def _opening(
    ctx: JobContext, key: StepKey, rows: list[dict[str, Any]], strategy: Strategy, options: Mapping[str, Any]
) -> BaseException:
    """The suspension with which a fan-out begins; its children are written with the park, and seen by nobody before."""
    flow, job = ctx.flow, ctx.flow.run.job
    now = millis(flow.database_now)
    fan_out_id = derived_id(now, job.id, job.generation, key, job.lease.epoch)
    for index, (row, child) in enumerate(zip(rows, child_ids(now, fan_out_id, len(rows)), strict=True)):
        row |= {"id": child, "parent_id": job.id, "root_id": job.root_id or job.id, "fan_out_id": fan_out_id,
                "fan_out_index": index}  # fmt: skip
    timeout = options.get("timeout")
    plan = FanOutPlan(
        id=fan_out_id, parent_id=job.id, generation=job.generation, key=key, strategy=strategy.name,
        required=strategy.required(len(rows)), cancel_on_failure=bool(options.get("cancel_on_failure", False)),
        timeout=None if timeout is None else seconds(timeout, "timeout", least=0.001), children=tuple(rows),
    )  # fmt: skip
    stopped = suspended(ctx, "fan_out", fan_out_id, None)
    if isinstance(stopped, Suspend) and stopped.park is not None:
        flow.journal.later(_opened(key, fan_out_id, rows))
        stopped.park = stopped.park.creating(plan, flow.database_now)
    return stopped


def _opened(key: StepKey, fan_out_id: str | None, rows: Sequence[Mapping[str, Any]]) -> Checkpoint:
    fingerprint = hash_args([[row["kind"], row.get("args")] for row in rows])
    return Checkpoint(key=key, kind="fan_out", value=json.dumps(fan_out_id), args_hash=fingerprint)


def _slots(ctx: JobContext, key: StepKey, fan_out_id: str) -> Verb[tuple[Status, list[Slot]]]:
    """The verdict, and how each child ended when it was seen: recorded once, since stragglers end later."""
    flow = ctx.flow
    recorded = flow.journal.replayed(key, "slots")
    if recorded is None:
        view, slots = yield Ask(lambda store: _look(store, fan_out_id))
        if view.status == "open":
            raise suspended(ctx, "fan_out", fan_out_id, view.timeout_at)
        recorded = yield Keep((Checkpoint(key=key, kind="slots", value=_packed(view.status, slots)),))
    status, packed = json.loads(recorded.value or "null")
    if packed and isinstance(packed[0], str):  # too large for one checkpoint: the children still have their values
        slots = yield Ask(lambda store: store.slots(fan_out_id))
        return status, [
            slot if state in TERMINAL else Slot(slot.job_id, state, None, None)
            for slot, state in zip(slots, packed, strict=True)
        ]
    return status, [Slot(*fields) for fields in packed]


def _look(store: Store, fan_out_id: str) -> tuple[FanOutView, list[Slot]]:
    view = store.fan_out(fan_out_id)
    if view.status == "open" and view.overdue:
        time_out(store, fan_out_id)
        view = store.fan_out(fan_out_id)
    return view, store.slots(fan_out_id) if view.status != "open" else []


def _packed(status: Status, slots: Sequence[Slot]) -> str:
    rows = [[slot.job_id, slot.state, slot.value, slot.error] for slot in slots]
    whole = json.dumps([status, rows], ensure_ascii=False)
    return whole if len(whole.encode()) <= MAX_BYTES else json.dumps([status, [slot.state for slot in slots]])


def _results(
    ctx: JobContext, news: Sequence[Any], slots: Sequence[Slot], strategy: Strategy, *, late: bool
) -> list[Result[Any]]:
    results = [_result(ctx, index, new, slot) for index, (new, slot) in enumerate(zip(news, slots, strict=True))]
    good = sum(result.error is None for result in results)
    open_ = sum(slot.state not in TERMINAL for slot in slots)
    # The verdict counts, and not what became of the children until their parent looked.
    if late or good < strategy.required(len(results)):
        told = (
            f"{good} of {len(results)} children completed, {len(results) - good - open_} did not, {open_} had not ended "
            f"({'its time is over' if late else strategy.name})."
        )
        first = next((one.error for one in results if isinstance(one.error, JobFailedError | JobCancelledError)), None)
        raise FanOutFailed(f"{told} {first}" if first else told, results=results)
    return results


def _result(ctx: JobContext, index: int, new: Any, slot: Slot) -> Result[Any]:
    match slot.state:
        case "completed":
            return Result(index, slot.job_id, value=_type(ctx, new).value(slot.value))
        case "failed":
            return Result(index, slot.job_id, JobFailedError(f"Child {slot.job_id} failed: {slot.error}"))
        case "cancelled":
            return Result(index, slot.job_id, JobCancelledError(f"Child {slot.job_id} was cancelled."))
    return Result(index, slot.job_id, unfinished(slot.job_id))


def _type(ctx: JobContext, new: Any) -> Typed:
    if new.returns is not None:
        return Typed(new.returns, repr(new.kind))
    kind = ctx.flow.desk.registry.get(new.kind)
    return Typed(Any, repr(new.kind)) if kind is None else kind.result


def _checked(strategy: Any) -> Strategy:
    if strategy is None:
        return FailFast()
    if not isinstance(strategy, FailFast | CollectAll | Threshold):
        raise InvalidArgument(f"A strategy is FailFast(), CollectAll() or Threshold(share), not {strategy!r:.80}.")
    return strategy
