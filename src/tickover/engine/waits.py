"""Verbs that suspend: timers, signals and callbacks. The absolute instant is recorded once, by the database's clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tickover.domain.checkpoint import Checkpoint, Saved, StepKind
from tickover.domain.ids import StepKey
from tickover.domain.park import Park, WaitKind
from tickover.domain.retry import Duration, seconds
from tickover.engine.effects import Ask, Verb
from tickover.engine.interrupt import LeaseLost, Suspend
from tickover.engine.scope import check_step_name
from tickover.engine.typed import Typed
from tickover.errors import InvalidArgument, SignalError

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext
    from tickover.store.port import Store

_DRAIN_MOST = 1000


def sleep(ctx: JobContext, *, until: datetime | None = None, duration: Duration | None = None) -> Verb[None]:
    """Returns when the instant has come; the job is parked until then and keeps no slot."""
    key = ctx.scope.next("sleep")
    ctx.flow.boundary()
    recorded = ctx.flow.journal.replayed(key, "timer")
    if recorded is not None:
        due = _instant(recorded)
    else:
        due = _checked(until) if until is not None else _after(ctx, duration, "sleep")
        ctx.flow.journal.later(Checkpoint(key=key, kind="timer", value=json.dumps(due.isoformat())))
    if ctx.flow.database_now < due:
        raise suspended(ctx, "timer", key, due)
    yield from ()  # a verb is a generator, also one that asks for nothing


def wait_for_signal(ctx: JobContext, name: str, typed: Typed, timeout: Duration | None) -> Verb[Any]:
    """The oldest unread signal of this name, read by this step alone; None when the time ran out first."""
    key = ctx.scope.next(f"signal:{check_signal_name(name)}")
    flow = ctx.flow
    flow.boundary()
    recorded = flow.journal.replayed(key, "signal")
    if recorded is None:
        due = _deadline(ctx, key, timeout, "wait_for_signal")
        recorded = yield from _read(ctx, key, "signal", name, expired=due is not None and flow.database_now >= due)
        if recorded is None:
            raise suspended(ctx, "signal", name, due)
    return typed.value(recorded.value)


def check_signal(ctx: JobContext, name: str, typed: Typed) -> Verb[Any]:
    """The oldest unread signal of this name, or None; either is what every replay gets."""
    key = ctx.scope.next(f"signal:{check_signal_name(name)}")
    ctx.flow.boundary()
    recorded = ctx.flow.journal.replayed(key, "signal")
    if recorded is None:
        recorded = yield from _read(ctx, key, "signal", name, expired=True)
    return typed.value(recorded.value)


def drain_signals(ctx: JobContext, name: str, typed: Typed) -> Verb[list[Any]]:
    """Every unread signal of this name, oldest first."""
    key = ctx.scope.next(f"signals:{check_signal_name(name)}")
    ctx.flow.boundary()
    recorded = ctx.flow.journal.replayed(key, "signals")
    if recorded is None:
        recorded = yield from _read(ctx, key, "signals", name, expired=True, limit=_DRAIN_MOST)
    return [typed.value(text) for text in json.loads(recorded.value or "[]")]


def open_callback(
    ctx: JobContext, name: str, returns: Any, timeout: Duration | None
) -> Verb[tuple[StepKey, datetime | None, str]]:
    """A place for one answer from outside: its key, when it expires, and its token; equal at every replay."""
    key = ctx.scope.next(f"callback:{check_step_name(name)}")
    flow, job = ctx.flow, ctx.flow.run.job
    flow.boundary()
    recorded = flow.journal.replayed(key, "callback")
    if recorded is not None:
        expires = None if recorded.value is None else _instant(recorded)
    else:
        expires = None if timeout is None else _after(ctx, timeout, "callback")
        _, key_id = flow.desk.means.sign(job.id, job.generation, key, expires)
        made = Checkpoint(key=key, kind="callback", value=None if expires is None else json.dumps(expires.isoformat()))
        path = type_path(returns)

        def write(store: Store) -> Checkpoint:
            store.open_callback(job, key, key_id=key_id, returns=path, expires=expires)
            return made

        yield from held(ctx, key, write)
    token, _ = flow.desk.means.sign(job.id, job.generation, key, expires)
    return key, expires, token


def wait_for_callback(ctx: JobContext, opened: StepKey, expires: datetime | None, typed: Typed) -> Verb[Any]:
    """The answer that came from outside; None when the time ran out first."""
    key, flow, job = StepKey(f"{opened}/answer"), ctx.flow, ctx.flow.run.job
    flow.boundary()
    recorded = flow.journal.replayed(key, "answer")
    if recorded is None:
        late = expires is not None and flow.database_now >= expires

        def look(store: Store) -> Checkpoint | None:
            found = store.callback(job.id, job.generation, opened)
            if found is not None and found.received:
                return Checkpoint(key=key, kind="answer", value=found.payload)
            return Checkpoint(key=key, kind="answer") if late else None

        recorded = yield from held(ctx, key, look)
        if recorded is None:
            raise suspended(ctx, "callback", opened, expires)
    return typed.value(recorded.value)


def suspended(ctx: JobContext, kind: WaitKind, ref: str, until: datetime | None) -> BaseException:
    """What parks the run: its handler unwinds, then the park is written, after another look."""
    flow = ctx.flow
    if flow.gathering:
        return InvalidArgument("ctx.gather runs steps and calls at once; what waits is awaited by itself.")
    park = Park(kind=kind, ref=ref, until=until, generation=flow.run.job.generation)
    return flow.stop(Suspend("parked", park=park))


def held(ctx: JobContext, key: StepKey, work: Callable[[Store], Checkpoint | None]) -> Verb[Any]:
    """Does `work(store)` and records the checkpoint that it returns, in one transaction that holds the job.

    The answer is the checkpoint that stands under the key, None when `work` had nothing to record. It may be done twice: what an
    earlier, cut transaction recorded is found first.
    """
    flow, job = ctx.flow, ctx.flow.run.job
    before, number = flow.journal.take(), flow.journal.reserve()
    tries: list[int] = []

    def transaction(store: Store) -> Checkpoint | None:
        with store.transaction():
            if job.id not in store.hold([job.lease]):
                raise LeaseLost("another tick, the reaper or an operator has this job now")
            if tries and (stood := _found(store, ctx, key)) is not None:
                flow.run.progressed = True
                return stood
            tries.append(1)
            made: Checkpoint | None = work(store)
            last = [] if made is None else [Saved(lease=job.lease, seq=number, checkpoint=made)]
            saves = [*before, *last]
            if saves:
                store.record(saves, lease=flow.desk.lease())
        flow.journal.recorded(saves, {})
        flow.run.progressed = flow.run.progressed or bool(saves)
        return made

    try:
        stands: Checkpoint | None = yield Ask(transaction)
    except BaseException:
        flow.journal.give_back(before)  # the handler may go on without this verb, and not without what came before
        raise
    return stands


def _found(store: Store, ctx: JobContext, key: StepKey) -> Checkpoint | None:
    job = ctx.flow.run.job
    return next((one for _, one in store.recorded([job])[job.id] if one.key == key), None)


def _read(ctx: JobContext, key: StepKey, kind: StepKind, name: str, *, expired: bool, limit: int = 1) -> Verb[Any]:
    """Reads signals for a step; when there are none and `expired`, that is recorded as the answer."""
    job = ctx.flow.run.job

    def take(store: Store) -> Checkpoint | None:
        taken = store.take_signals(job, name, key, limit)
        if kind == "signals":
            return Checkpoint(key=key, kind=kind, value=json.dumps(taken))
        if taken:
            return Checkpoint(key=key, kind=kind, value=taken[0])
        return Checkpoint(key=key, kind=kind) if expired else None

    return (yield from held(ctx, key, take))


def _deadline(ctx: JobContext, key: StepKey, timeout: Duration | None, what: str) -> datetime | None:
    """When a wait ends: counted from its first run, whatever happened since."""
    if timeout is None:
        return None
    until = StepKey(f"{key}/until")
    recorded = ctx.flow.journal.replayed(until, "until")
    if recorded is not None:
        return _instant(recorded)
    due = _after(ctx, timeout, what)
    ctx.flow.journal.later(Checkpoint(key=until, kind="until", value=json.dumps(due.isoformat())))
    return due


def _after(ctx: JobContext, duration: Duration | None, what: str) -> datetime:
    return ctx.flow.database_now + timedelta(seconds=seconds(0 if duration is None else duration, what))


def _checked(instant: datetime) -> datetime:
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise InvalidArgument(f"sleep_until takes an aware datetime, not {instant!r}.")
    return instant


def _instant(recorded: Checkpoint) -> datetime:
    return datetime.fromisoformat(json.loads(recorded.value or "null"))


def check_signal_name(name: object) -> str:
    """Returns a usable name of a signal; raises `SignalError` otherwise."""
    try:
        return check_step_name(name)
    except InvalidArgument as error:
        raise SignalError(str(error).replace("step name", "signal name")) from error


def type_path(returns: Any) -> str | None:
    """`module:qualname` of a type that other processes can import; None for anything else."""
    if isinstance(returns, type) and "<locals>" not in returns.__qualname__:
        return f"{returns.__module__}:{returns.__qualname__}"
    return None
