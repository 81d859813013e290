"""`ctx.transaction`: the user's SQL, the checkpoint and the fence in one commit, on a second connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from tickover.domain.checkpoint import Checkpoint, Saved, hash_args
from tickover.domain.job import Lease
from tickover.engine.effects import Do
from tickover.engine.inbox import Ask as Asked
from tickover.engine.interrupt import LeaseLost
from tickover.engine.journal import check_step_name
from tickover.engine.steps import StepPlan, written
from tickover.engine.typed import returned_by
from tickover.errors import InvalidArgument, StorageUnavailable
from tickover.store.port import NotHeld, OutcomeUnknown

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext
    from tickover.store.port import Store

#: Whether this code runs in a transaction of a job: our own verbs are refused there, since they would wait for it.
inside_transaction: Final[ContextVar[bool]] = ContextVar("tickover_inside_transaction", default=False)


class Turn:
    """The right to write in a transaction of one's own; it can be taken back until the transaction is at its end."""

    def __init__(self) -> None:
        self.revoked = False
        self._ending = False
        self._undo: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def began(self, undo: Callable[[], None]) -> None:
        """From here on there is something to take back: `undo` undoes it, from another thread."""
        with self._lock:
            self._undo = undo

    def ending(self) -> bool:
        """From here on it is not taken back: a COMMIT must mean what it says. False: it was taken back already."""
        with self._lock:
            self._ending = not self.revoked
            return self._ending

    def ended(self) -> None:
        """Nothing is left to be taken back."""
        with self._lock:
            self._undo = None

    def revoke(self) -> bool:
        """Takes the right back: what was written is undone, and what comes is refused. False: it is too late for that."""
        with self._lock:
            if self._ending:
                return False
            self.revoked = True
            if self._undo is not None:
                self._undo()
            return True


class Transact(Protocol):
    """Runs user code in a transaction of its own that ends with checkpoints under the job's fence."""

    def __call__(self, lease: Lease, work: Callable[[Any], Sequence[Saved]], *, renew: float, turn: Turn) -> bool:
        """Does `work(connection)` and records what it returns; returns whether those stand, and not what stood first.

        Raises:
            NotHeld: the job is not ours; nothing of the transaction stays.
            OutcomeUnknown: the connection broke at the commit.
        """


class Turns:
    """At most one transaction of a job at a time in one tick; on SQLite the tick writes nothing meanwhile."""

    def __init__(self, *, single_writer: bool, patience: float) -> None:
        self.single_writer = single_writer
        self.patience = patience
        self._one = threading.Lock()

    @contextmanager
    def turn(self, ctx: JobContext) -> Iterator[Turn]:
        """The right to write; on SQLite it is taken back after `patience` seconds, since the leases wait for it."""
        turn, done = Turn(), threading.Event()
        with self._one:
            ctx.flow.boundary()
            if self.single_writer:
                granted = threading.Event()

                def give(_store: Any) -> None:
                    granted.set()
                    if not done.wait(self.patience) and not turn.revoke():
                        done.wait(self.patience)  # its last statements are under way

                given = Asked(give)
                ctx.flow.desk.inbox.put(given)
                given.answer.add_done_callback(lambda _: granted.set())  # also when the tick closed instead
                granted.wait()
                if given.answer.done():
                    given.answer.result()
            try:
                yield turn
            finally:
                done.set()


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
