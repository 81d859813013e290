"""`ctx.transaction`: the user's SQL, the checkpoint and the fence in one commit, on a second connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tickover.domain.checkpoint import Checkpoint, Saved, hash_args
from tickover.engine.effects import Do
from tickover.engine.inbox import Ask as Asked
from tickover.engine.interrupt import LeaseLost
from tickover.engine.running import inside_transaction
from tickover.engine.scope import check_step_name
from tickover.engine.steps import StepPlan, written
from tickover.engine.typed import returned_by
from tickover.errors import InvalidArgument, StorageUnavailable
from tickover.store.port import NotHeld, OutcomeUnknown

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext
    from tickover.store.port import Store


def plan_transaction(
    ctx: JobContext, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> StepPlan:
    """The plan of `ctx.transaction(name, fn, …)`: like a step whose record is written by its own transaction."""
    if not callable(fn):
        raise InvalidArgument(f"ctx.transaction({name!r}, …) takes a function and its arguments, not {fn!r:.80}.")
    timeout = ctx.options.get("timeout")
    plan = StepPlan(
        key=ctx.scope.next(check_step_name(name)), name=name, kind="transaction",
        args_hash=hash_args(args, dict(kwargs)), typed=returned_by(fn), records=True,
        start=lambda: Do(partial(_run, ctx, plan, _with(fn, args, kwargs)), timeout),
    )  # fmt: skip
    return plan


def _with(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Callable[[Any], Any]:
    return lambda connection: fn(connection, *args, **kwargs)


def _run(ctx: JobContext, plan: StepPlan, call: Callable[[Any], Any]) -> Checkpoint:
    """On a worker's thread: the user's function in its transaction, and the checkpoint that stands afterwards."""
    flow, lease = ctx.flow, ctx.flow.run.job.lease
    taken: list[Saved] = []

    def work(connection: Any) -> Sequence[Saved]:
        begin, token = flow.now, inside_transaction.set(True)
        try:
            value = call(connection)
        finally:
            inside_transaction.reset(token)
        taken.extend(flow.journal.take(written(plan, value, flow.now - begin)))
        return taken

    unknown: StorageUnavailable | None = None
    with flow.desk.turns.turn(ctx) as turn:
        try:
            stands = flow.desk.means.transact(lease, work, renew=flow.desk.lease(), turn=turn)
        except NotHeld as error:
            raise flow.stop(LeaseLost(str(error))) from error
        except OutcomeUnknown as error:
            stands, unknown = False, error
        except BaseException:
            flow.journal.give_back(taken[:-1])
            raise
    if stands:
        flow.journal.recorded(taken, {})
        flow.run.progressed = True
        return taken[-1].checkpoint
    return _what_stands(ctx, plan, taken, unknown)


def _what_stands(
    ctx: JobContext, plan: StepPlan, taken: Sequence[Saved], unknown: StorageUnavailable | None
) -> Checkpoint:
    """What the record says after a cut COMMIT, or where another value stood first."""
    flow, job = ctx.flow, ctx.flow.run.job

    def look(store: Store) -> list[tuple[int, Checkpoint]]:
        with store.transaction():
            # Whoever has the record's lock has not ended yet: a COMMIT that is still on its way is waited for.
            if job.id not in store.hold([job.lease]):
                raise flow.stop(LeaseLost("another tick, the reaper or an operator has this job now"))
            return store.recorded([job])[job.id]

    asked = Asked(look, again=True)
    flow.desk.inbox.put(asked)
    found: list[tuple[int, Checkpoint]] = asked.answer.result()
    for _, checkpoint in found:
        if checkpoint.key == plan.key:
            flow.journal.recorded(taken, {plan.key: checkpoint})
            return checkpoint
    flow.journal.give_back(taken[:-1])
    raise StorageUnavailable(f"The transaction of step {plan.name!r} was undone: {unknown}") from unknown
