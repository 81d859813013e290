"""What a tick holds: every lease between its claim and its settle, and the one place where they are written back."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tickover.engine.interrupt import LeaseLost
from tickover.engine.observe import Hooks, after, details, seen
from tickover.engine.reconnect import reconnect
from tickover.engine.sets import sets
from tickover.errors import PayloadError
from tickover.store.port import OutcomeUnknown, Pause, RolledBack, Store

if TYPE_CHECKING:
    from tickover.domain.checkpoint import Saved
    from tickover.domain.decide import Transition
    from tickover.domain.ids import JobId
    from tickover.domain.job import Claimed
    from tickover.domain.outcome import Outcome
    from tickover.domain.report import TickReport
    from tickover.engine.batch import Batch
    from tickover.engine.flush import Flushed
    from tickover.engine.inbox import Finished, Save
    from tickover.engine.plan import Plan
    from tickover.engine.registry import Registry
    from tickover.engine.run import Run

    #: A run, how it ended, what it raised, how long it took, and what it still had to record.
    Ended = tuple[Run, Outcome, BaseException | None, float | None, tuple[Saved, ...]]

_log: Final = logging.getLogger("tickover")
#: A coroutine times itself out; only one that blocks its loop is given up from here, this many seconds later.
_ASYNC_SLACK: Final = 1.0


class Held:
    """The leases of one tick. Only the tick's own thread touches this."""

    def __init__(self, store: Store, batch: Batch, hooks: Hooks, plan: Plan, report: TickReport) -> None:
        self.store = store
        self.batch = batch
        self.hooks = hooks
        self.plan = plan
        self.report = report
        self.runs: dict[JobId, Run] = {}
        self.settled = 0
        #: Monotonic instant of the first claim's answer: no run had more time than from here on.
        self.opened: float | None = None
        #: How many hooks were called; each may have enqueued something.
        self.told = 0
        #: Whether the tick was asked to stop before its window closed.
        self.stopping = False
        #: Fan-outs that failed and whose children are to be cancelled.
        self.cancelling: list[str] = []
        self._stirred = False

    def __len__(self) -> int:
        return len(self.runs)

    def settle(self, ended: Sequence[Ended], saves: Sequence[Save] = ()) -> None:
        """Decides and writes a set of ended runs, and of checkpoints; only what was accepted is counted and told."""
        if not ended and not saves:
            return
        from tickover.engine import ending  # with it comes what only a job needs

        decided = [ending.decided(*one) for one in ended]
        moves = [transition for _, transition, _ in decided]
        kept = [save for item in saves for save in item.saves]
        ends, *apart = sets(moves)
        flushed = self._flush(ends, kept)
        for part in apart:
            flushed.add(self._flush(part))
        for item in saves:
            self._answer(item, flushed)
        lost: list[Run] = []
        for run, wanted, error in decided:
            self.runs.pop(run.job.id, None)
            transition = flushed.moved.get(run.job.id)
            if transition is None:
                lost.append(run)
            else:
                self._count(run.job, transition)
                self.tell_hooks(run.job, transition, error if transition is wanted else None)
        self._lose(lost)
        self._stirred = (
            self._stirred
            or bool(flushed.decided)
            or flushed.woken > 0
            or any(
                move.resume or (move.park is not None and move.park.creates is not None)
                for move in flushed.moved.values()
            )
        )
        self.cancelling += [one.fan_out_id for one in flushed.decided if one.cancels and one.status != "completed"]

    def _flush(self, moves: Sequence[Transition], saves: Sequence[Saved] = ()) -> Flushed:
        from tickover.engine.flush import flush

        lease = self.plan.lease_from(self.plan.monotonic())
        return flush(self.store, moves, saves, tick=self.plan.head.tick_id, lease=lease)

    def _answer(self, item: Save, flushed: Flushed) -> None:
        """Tells a worker what became of its checkpoints."""
        job, run = item.run.job, item.run
        if (error := flushed.refused.get(job.id)) is not None:
            item.answer.set_exception(PayloadError(f"the database refused a checkpoint: {error}"))
            return
        taken = [flushed.saved.get((job.id, save.checkpoint.key)) for save in item.saves]
        if None in taken:
            self._lose([run])
            item.answer.set_exception(LeaseLost("another tick, the reaper or an operator has this job now"))
            return
        run.progressed = True
        stood = {} if all(taken) else {one.key: one for _, one in self.store.recorded([job])[job.id]}
        item.answer.set_result(
            {save.checkpoint.key: stood[save.checkpoint.key] for save in item.saves} if stood else {}
        )

    def cancel_children(self) -> None:
        """Cancels what still runs of fan-outs that failed and want that, a bounded set at a time; the reaper has the rest."""
        cancelling, self.cancelling = self.cancelling, []
        if not cancelling:
            return
        from tickover.engine.cancel import cancel_tree

        try:
            cancel_tree(self.store, fan_outs=cancelling, rounds=1)
        except RolledBack as error:
            _log.warning("cancelling the children of a failed fan-out is left to the reaper: %s", error)
        except OutcomeUnknown:
            reconnect(self.store)

    def admitted(self, jobs: Sequence[Claimed], registry: Registry) -> list[Claimed]:
        """Those of claimed jobs whose limits have room; the others were given back."""
        if not any(job.cap_keys is not None or job.queue_capped for job in jobs):
            return list(jobs)
        from tickover.engine.admit import admit

        admission = admit(self.store, jobs, registry, self.plan.head.tick_id)
        for job, transition in admission.denied:
            self._count(job, transition)
            self.tell_hooks(job, transition, None)
        return admission.admitted

    def release(self, runs: Sequence[Run]) -> None:
        """Gives back jobs that did not start; costs them nothing."""
        if runs:
            from tickover.domain.outcome import Released

            self.settle([(run, Released("not started"), None, None, ()) for run in runs if run.job.id in self.runs])

    def abandon(self, now: float) -> None:
        """Gives up what still runs: a thread cannot be stopped, but its context is closed and its writes are fenced."""
        for run in self.runs.values():
            run.tell("closed")
            self.report.abandoned.append(run.job.id)
        if not self.runs:
            return
        from tickover.engine.ending import out_of_time

        self.settle([(run, out_of_time(self, run, now), None, run.elapsed(now), ()) for run in self.runs.values()])

    def time_out(self, now: float) -> None:
        """Fails every run that took longer than its `timeout`."""
        late: list[Ended] = []
        for run in self.runs.values():
            if run.timeout is None or run.started is None or run.ended:
                continue
            slack = _ASYNC_SLACK if run.kind is not None and run.kind.is_async else 0.0
            if run.elapsed(now) >= run.timeout + slack:
                run.tell("closed")
                self.report.abandoned.append(run.job.id)
                from tickover.engine.ending import timed_out

                late.append(timed_out(run, now))
        self.settle(late)

    def beat(self, now: float) -> Pause:
        """Renews every lease, stops runs whose lease is lost, passes a pause on; returns the fleet's pause."""
        if not self.runs:
            return None
        try:
            beat = self.store.beat([run.job.lease for run in self.runs.values()], self.plan.lease_from(now))
        except RolledBack:
            return None  # the next beat is soon enough: a lease outlives two that failed
        except OutcomeUnknown:
            reconnect(self.store)
            return None
        self._lose([run for run in self.runs.values() if run.job.id not in beat.held])
        for job_id in beat.pausing & self.runs.keys():
            self.runs[job_id].tell("paused")
        return beat.fleet

    def write_progress(self) -> None:
        """Writes what running jobs said about how far they are since the last time."""
        said = {run.job.lease: run.report for run in self.runs.values() if run.report is not None}
        if said:
            for run in self.runs.values():
                run.report = None
            try:
                self.store.progress(said)
            except RolledBack:
                return  # a report of progress is worth no second send; the next one says more
            except OutcomeUnknown:
                reconnect(self.store)

    def next_timeout(self, now: float) -> float | None:
        """The monotonic instant at which the first run must be timed out, or may have to be: it may start any moment."""
        ends = [
            (now if run.started is None else run.started) + run.timeout
            for run in self.runs.values()
            if run.timeout is not None and not run.ended
        ]
        return min(ends, default=None)

    def ended(self, item: Finished, now: float) -> Ended:
        """An end as it is decided, with what only its tick knows."""
        from tickover.engine.ending import completed

        outcome = completed(self, item.run, item.outcome, now)
        return item.run, outcome, item.error, item.seconds, item.checkpoints

    def stirred(self) -> bool:
        """Whether a write since the last call may have made other jobs due: children, parents, a job that goes on."""
        stirred, self._stirred = self._stirred, False
        return stirred

    def tell_hooks(self, job: Claimed, transition: Transition, error: BaseException | None) -> None:
        """Has a slot call the hooks for a transition that was accepted; watchers are told at once."""
        self.hooks.watchers.settled(job, transition)
        name = after(transition)
        if name is None or not self.hooks.wanted(name):
            return

        self.told += 1

        def call() -> None:
            self.report.hook_errors += self.hooks.call(name, seen(job, transition), *details(name, transition, error))

        self.batch.chore(call)

    def _count(self, job: Claimed, transition: Transition) -> None:
        report = self.report
        match transition.event, transition.counter:
            case "JobCompleted", _:
                report.completed += 1
            case "JobFailed", _:
                report.failed += 1
            case "JobRetrying", _:
                report.retried += 1
            case _, "parks":
                report.parked += 1
            case _, "released":
                report.released += 1
            case _, "yields" | "stalls":
                report.yielded += 1
        self.settled += 1
        report.by_queue[job.queue] = report.by_queue.get(job.queue, 0) + 1

    def _lose(self, runs: Sequence[Run]) -> None:
        """Stops runs that are no longer ours; those that an operator cancelled are counted apart."""
        for run in runs:
            run.tell("lost")
            self.runs.pop(run.job.id, None)
            self.hooks.watchers.lost(run.job)
        cancelled = self._cancelled(runs) if runs else 0
        self.report.cancelled += cancelled
        self.report.lost += len(runs) - cancelled

    def _cancelled(self, runs: Sequence[Run]) -> int:
        try:
            return list(self.store.resolve([run.job.lease for run in runs]).values()).count("cancelled")
        except RolledBack:
            return 0  # then they count as lost, which they are too
        except OutcomeUnknown:
            reconnect(self.store)
            return 0
