"""`call`, `step` and what they share: replay, gate, run, retry, record. Each is written once, for both colours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tickover.domain.checkpoint import Checkpoint, StepError, StepKind
from tickover.domain.ids import StepKey
from tickover.domain.park import Park
from tickover.domain.retry import ExponentialBackoff, seconds
from tickover.engine.effects import Do, Keep, Rest, Verb
from tickover.engine.failure import find, step_error, step_failed
from tickover.engine.interrupt import Interrupt, Suspend
from tickover.engine.typed import Typed
from tickover.errors import NonDeterminism, PayloadError

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext
    from tickover.engine.flow import Flow

_BACKOFF: Final = ExponentialBackoff()
#: Seconds that a step's retry is waited for with its slot kept; longer waits park the job.
_PATIENCE: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """One step that is about to be taken."""

    key: StepKey
    name: str
    kind: StepKind
    args_hash: str
    #: Its value as JSON and back.
    typed: Typed
    #: What to run, made anew for each try: a called handler starts each with a context of its own.
    start: Callable[[], Do]
    #: Whether running it records it too, in the user's transaction; then it answers with the checkpoint.
    records: bool = False


def take_step(ctx: JobContext, plan: StepPlan) -> Verb[Any]:
    """The value of a step: from the record, or by running it now and recording it."""
    flow = ctx.flow
    flow.boundary()
    recorded = flow.journal.replayed(plan.key, plan.kind, plan.args_hash)
    if recorded is not None:
        return _read(plan, recorded)
    for attempt in _attempts(flow, plan):
        yield from flow.gate(plan.name, ctx.options.get("needs"))
        yield from flow.announce(plan.key)
        begin = flow.now
        with _doing(flow, plan):
            error: BaseException | None = None
            value: Any = None
            try:
                value = yield plan.start()
            except Interrupt:
                raise
            except BaseException as raised:  # noqa: BLE001  # SystemExit and MemoryError are failures of the step
                error = raised
        took = flow.now - begin
        flow.desk.paces.saw(flow.run.job.kind, plan.name, took)
        if flow.stopped is not None:
            raise flow.stopped  # the step's code swallowed what its verbs raised
        if error is None:
            return _read(plan, value if plan.records else (yield Keep((written(plan, value, took),))))
        flow.journal.forget(f"{plan.key}/")
        yield from _again(ctx, plan, error, attempt)
    raise AssertionError("unreachable: a step ends by its value or its error")


def _attempts(flow: Flow, plan: StepPlan) -> Iterator[int]:
    """1, 2, 3 …, from behind the attempts that an earlier run of this job made of this step."""
    attempt = 1
    while (recorded := flow.journal.peek(_retry_key(plan, attempt))) is not None:
        _wait_for_retry(flow, plan, recorded)
        attempt += 1
    while attempt < 1_000_000:
        yield attempt
        attempt += 1


def _wait_for_retry(flow: Flow, plan: StepPlan, recorded: Checkpoint) -> None:
    """Parks again when the job was woken before the retry is due, for instance by a pause and a resume."""
    due = datetime.fromisoformat(json.loads(recorded.value or "null"))
    if flow.database_now < due:
        raise flow.stop(_parked(flow, plan, due))


def _again(ctx: JobContext, plan: StepPlan, error: BaseException, failed: int) -> Verb[None]:
    """Returns when the step may be tried again; raises its failure when it may not."""
    told = step_error(error)
    if not told.retry or failed > ctx.options.get("retries", 0) or find(error, NonDeterminism) is not None:
        raise _failure(ctx.flow, plan, error, told)
    delay = told.after if told.after is not None else _delay(ctx, failed, error)
    flow = ctx.flow
    if delay <= min(_PATIENCE, flow.desk.window().stop - flow.now):
        yield Rest(delay)
        flow.boundary()
        return
    due = flow.database_now + timedelta(seconds=delay)
    flow.journal.later(
        Checkpoint(key=_retry_key(plan, failed), kind="retry", value=json.dumps(due.isoformat()), error=told.text())
    )
    raise flow.stop(_parked(flow, plan, due))


def _failure(flow: Flow, plan: StepPlan, error: BaseException, told: StepError) -> BaseException:
    """The exception that the handler sees. It is recorded with the next checkpoint, so only if the handler goes on."""
    checkpoint = Checkpoint(key=plan.key, kind=plan.kind, error=told.text(), args_hash=plan.args_hash)
    flow.journal.failed(checkpoint, sibling=flow.gathering > 0)
    failed = step_failed(plan.name, told)
    failed.__cause__ = error
    return failed


def _delay(ctx: JobContext, failed: int, error: BaseException) -> float:
    policy = ctx.options.get("backoff")
    if callable(policy):
        return seconds(policy(failed, error), "backoff")
    return (policy or _BACKOFF).delay(failed, dice=0.5)


def _parked(flow: Flow, plan: StepPlan, due: datetime) -> Suspend:
    park = Park(kind="retry", ref=plan.key, until=due, generation=flow.run.job.generation)
    return Suspend("parked", park=park)


def _retry_key(plan: StepPlan, attempt: int) -> StepKey:
    return StepKey(f"{plan.key}/try#{attempt}")


def written(plan: StepPlan, value: Any, took: float) -> Checkpoint:
    """The checkpoint of a value; one that cannot be stored is a failure that no retry mends."""
    told, text = None, None
    try:
        text = plan.typed.text(value)
    except PayloadError as error:
        told = StepError(kind="PayloadError", message=f"the result cannot be stored: {error}", retry=False)
    return Checkpoint(
        key=plan.key, kind=plan.kind, value=text, error=told.text() if told is not None else None,
        args_hash=plan.args_hash, seconds=round(took, 6),
    )  # fmt: skip


def _read(plan: StepPlan, recorded: Checkpoint) -> Any:
    if recorded.error is not None:
        raise step_failed(plan.name, StepError.read(recorded.error))
    return plan.typed.value(recorded.value)


@contextmanager
def _doing(flow: Flow, plan: StepPlan) -> Iterator[None]:
    before, flow.run.doing = flow.run.doing, plan.key
    try:
        yield
    finally:
        flow.run.doing = before
