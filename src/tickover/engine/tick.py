"""A tick: one bounded invocation that claims jobs under leases, runs them, settles them, and exits with a report."""

from __future__ import annotations

import logging
import random
from typing import Final

from tickover.domain.budget import claim_size
from tickover.domain.report import StoppedBecause, TickReport
from tickover.engine.answer import answer
from tickover.engine.batch import Batch
from tickover.engine.crew import Crew
from tickover.engine.held import Held
from tickover.engine.inbox import Ask, Finished, Inbox, Item, Save
from tickover.engine.interrupt import TickClosed
from tickover.engine.memory import memory_mb, undisturbed
from tickover.engine.observe import Hooks
from tickover.engine.plan import Plan
from tickover.engine.recall import recall
from tickover.engine.reconnect import reconnect
from tickover.engine.recover import recover
from tickover.engine.registry import Registry
from tickover.engine.run import Word
from tickover.errors import StorageUnavailable
from tickover.store.port import Due, OutcomeUnknown, RolledBack, Store, Wanted

_log: Final = logging.getLogger("tickover")
_MOST_PAST_A_HOT_KEY: Final = 64
_STOP_LATENCY: Final = 0.1  # how late a `stop` event may be seen
_SLOT_LATENCY: Final = 0.002  # how late it may be seen that a thread that was given up has returned


class Tick:
    """One tick. `run` is the narrative; the rest is one step of it each."""

    def __init__(self, store: Store, registry: Registry, hooks: Hooks, plan: Plan) -> None:
        self.store = store
        self.registry = registry
        self.hooks = hooks
        self.plan = plan
        self.window = plan.window
        self.report = TickReport(tick_id=plan.head.tick_id, trigger=plan.head.trigger, cold=plan.head.cold)
        self.inbox = Inbox()
        self.crew = Crew(plan, self.inbox, registry, hooks, self.report, window=lambda: self.window)
        self.batch = Batch(plan.concurrency, plan.queues, self.crew.do)
        self.held = Held(store, self.batch, hooks, plan, self.report)
        self.reason: StoppedBecause | None = None
        self._due: Due | None = None
        self._dry = False  # the last claim found less than it wanted: nothing more was ready
        self._denied = 0  # claims in a row of which limits denied something: then the next one comes at once
        self._solo = False  # a suspect runs: nothing is claimed beside it
        self._next_beat = plan.window.start + plan.beat_every
        self._first_statement = store.statements
        self._turn = random.randrange(1000)  # noqa: S311  # which queue goes first; not all ticks may agree

    def run(self) -> TickReport:
        """Recovers a little, then claims, runs and settles until nothing is due or the window closes."""
        self.store.deadline = self.window.end
        try:
            self._recover()
            while self.reason is None:
                self._claim()
                self._absorb(self._handed_in())
                self._watch()
            self._wind_down()
        except StorageUnavailable as error:
            if not self.report.claimed:
                raise
            self._give_up(error)
        finally:
            self.inbox.close()
            self.batch.close()
            self.crew.close(min(1.0, 0.5 * (self.window.end - self._now)))  # the report is still to be written
        return self._finish()

    # --- the steps, in the order in which they come ------------------------------------------------------------------

    def _recover(self) -> None:
        tick, limit = self.plan.head.tick_id, self.plan.reap_limit
        try:
            reaped = recover(self.store, tick, limit, self.plan.serves)
        except OutcomeUnknown as error:
            # The kept connection of a process that slept may be dead without having said so; and reaping again is safe.
            _log.warning("the connection broke at the start of a tick: %s", error)
            reconnect(self.store)
            reaped = recover(self.store, tick, limit, self.plan.serves)
        except RolledBack as error:
            _log.warning("reaping was rolled back; the next tick reaps: %s", error)
            reaped = []
        for job, transition in reaped:
            self.report.reaped += 1
            self.held.tell_hooks(job, transition, None)

    @undisturbed()
    def _claim(self) -> None:
        """Fills free slots, and claims a little ahead when jobs are short; sets the reason when all is done."""
        denied, self._denied = self._denied, 0
        if self.plan.stop is not None and self.plan.stop.is_set():
            return
        left = None if self.plan.budget.max_jobs is None else self.plan.budget.max_jobs - self.report.claimed
        if left == 0:
            self.reason = None if self.held else "max_jobs"
            return
        if self.batch.stuck:
            self.held.release(self.batch.withdraw())  # others may run them
            return
        if self.held and (self._solo or self._dry):
            return  # what was empty a moment ago is looked at again with the next beat, or when all is done
        free, ahead = self.batch.free, self.batch.ahead
        size = claim_size(free=free, ahead=ahead, pace=self._pace, left=left)
        if denied and size:  # many of a hot key may stand before a cold one
            size = min(_MOST_PAST_A_HOT_KEY, size << denied, left or _MOST_PAST_A_HOT_KEY)
        rooms = self._rooms(spare=max(0, size - free))
        if size == 0 or (rooms is not None and not any(rooms.values())):
            return
        now = self._now
        wanted = Wanted(
            size=size,
            free=free,
            alone=not self.held and free == self.plan.concurrency and not self.plan.haunted(),
            queues=rooms,
            turn=self._turn + self.report.claimed,
            age=now - self.window.start,
            left=self.window.end - now,
            # The first claim has the most time that any has: a slow start must not hide a job for ever.
            window_left=self.window.length if self.held.opened is None else self.window.stop - now,
            lease=self.plan.lease_from(now),
            window=self.plan.window.length,
        )
        if not self._take(wanted, denied) and not self.held:
            self.reason = "paused" if self._due is not None and self._due.paused else "empty"

    @undisturbed()
    def _absorb(self, items: list[Item]) -> None:
        """Settles every outcome that was handed in as one set, and answers every question."""
        asked = [item for item in items if not isinstance(item, Finished)]
        try:
            self.held.write_progress()
            now = self._now
            self.held.settle(
                [self.held.ended(item, now) for item in items if isinstance(item, Finished) and item.run.listened],
                [item for item in asked if isinstance(item, Save) and item.run.listened],
            )
            self.held.cancel_children()
            for item in asked:
                if isinstance(item, Ask):
                    self._answer(item)
        finally:
            self._dry = self._dry and not self.held.stirred()
            for item in asked:  # whatever came up: nobody is left waiting
                if not item.answer.done():
                    item.answer.set_exception(TickClosed("nobody writes this any more"))

    def _answer(self, item: Ask) -> None:
        self._dry = False  # it may have written a job that is due
        # Another session's lock must not keep this thread from the leases of every other job.
        self.store.deadline = min(self.window.end, self._now + self.plan.beat_every / 2)
        try:
            answer(self.store, item)
        finally:
            self.store.deadline = self.window.end

    def _watch(self) -> None:
        """What time brings: the beat, timeouts, a request to stop, the end of the window."""
        now = self._now
        if self.plan.stop is not None and self.plan.stop.is_set() and now < self.window.stop:
            self.held.stopping = True
            self.window = self.window.cut(now, self.plan.grace)
        if now >= self.window.stop:
            self.reason = "deadline"
        self._beat(now)
        self.held.time_out(now)

    def _wind_down(self) -> None:
        """Gives back what did not start, waits for what runs until it must be abandoned, and abandons it."""
        if self.reason in ("deadline", "paused"):
            self.held.release(self.batch.withdraw())
            word: Word = "deadline" if self.reason == "deadline" else "stopping"
            for run in self.held.runs.values():
                run.tell(word)
            while self.held and self._now < self.window.abandon:
                self._absorb(self._handed_in())
                self._beat(self._now)
                self.held.time_out(self._now)
            # What ended while this thread was kept (a lock, a freeze) did end: it is not given up with the rest.
            self._absorb(self.inbox.take(0))
            self.held.abandon(self._now)
        self.batch.settle_chores(self.window.abandon - self._now)

    def _give_up(self, error: StorageUnavailable) -> None:
        _log.error("tick %s lost its database: %s", self.report.tick_id, error, extra={"tick_id": self.report.tick_id})
        self.reason, self.report.error = "error", str(error)
        for run in self.held.runs.values():
            run.tell("lost")

    def _finish(self) -> TickReport:
        report = self.report
        report.stopped_because = self.reason or "empty"
        report.seconds = self._now - self.window.start
        report.cost = None if self.plan.price is None else self.plan.price(report.seconds)
        try:
            if report.stopped_because != "error":
                self._look_ahead()
                report.statements = self.store.statements - self._first_statement + (report.claimed > 0)
                if report.claimed:
                    version, news = self.plan.code_version, self.plan.paces.news()
                    kinds = self.registry.names()
                    self.store.finish_tick(
                        report, kinds=kinds, code_version=version, memory_mb=memory_mb(), durations=news
                    )
        except RolledBack as error:
            _log.warning("the row of tick %s was not closed: %s", report.tick_id, error)
        except StorageUnavailable as error:
            self._give_up(error)
            report.stopped_because = "error"
        return report

    # --- how each step does it ---------------------------------------------------------------------------------------

    def _take(self, wanted: Wanted, denied: int) -> bool:
        """Claims, and hands what came to the slots; returns whether it is worth claiming again."""
        try:
            claim = self.store.claim(self.plan.head, wanted)
            jobs, self._due = list(claim.jobs), claim.due
            self._dry = len(jobs) < wanted.size
            self.held.opened = self.held.opened or self._now
        except RolledBack as error:
            _log.warning("a claim was rolled back and is sent again: %s", error)
            return True
        except OutcomeUnknown as error:
            _log.warning("the connection broke during a claim: %s", error)
            reconnect(self.store)
            jobs = [job for job in self.store.adopt(self.plan.head.tick_id) if job.id not in self.held.runs]
            self._dry, self._due = False, None
        self.plan.keep_watch(self.store, self._now, first=len(jobs) > self.report.claimed == 0)
        self.report.claimed += len(jobs)
        admitted = self.held.admitted(jobs, self.registry)
        self._denied = denied + 1 if len(admitted) < len(jobs) else 0
        if admitted:
            self.crew.begin()
        runs = recall(self.store, admitted, self.registry, self.report.tick_id, claimed_at=self._now)
        self.held.runs.update((run.job.id, run) for run in runs)
        self._solo = any(run.suspect for run in runs)
        self.batch.add(runs)
        return bool(jobs) or not self._dry

    def _beat(self, now: float) -> None:
        if now >= self._next_beat:
            self._next_beat, self._dry = now + self.plan.beat_every, False
            if self.held.beat(now) == "aggressive" and self.reason is None:
                self.reason = "paused"

    def _look_ahead(self) -> None:
        """Says what is due next. A claim that found nothing, with nothing left to settle or to tell, has just looked."""
        plan, fresh = self.plan, self._due if self.reason == "empty" and not self.held.told else None
        due = fresh or self.store.due(plan.head.tick_id, plan.queues, plan.window.length, alone=not plan.haunted())
        self.report.more, self.report.next_due_at = due.now and not due.paused, due.at

    # --- what time and numbers say -----------------------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return self.plan.monotonic()

    @property
    def _pace(self) -> float:
        """Jobs per second of waiting for them; the database's time is not theirs, within reason."""
        done, now = self.held.settled + self.inbox.outcomes, self._now
        return done / max(0.001, self.inbox.waited, (now - (self.held.opened or now)) / 4)

    def _rooms(self, *, spare: int) -> dict[str, int] | None:
        """Room per queue: its concurrency less what it has here, and what may be claimed ahead."""
        if self.plan.queues is None:
            return None
        return {queue: max(0, most + spare - self.batch.load(queue)) for queue, most in self.plan.queues.items()}

    def _handed_in(self) -> list[Item]:
        patience = self._patience()
        if not (items := self.inbox.take(patience)):
            self.plan.waited(patience)
        return items

    def _patience(self) -> float:
        """Seconds until this thread has something to do that the inbox does not bring."""
        if self._denied:
            return 0.0
        if not self.held:
            return 0.0 if self.reason is not None else _SLOT_LATENCY
        now = self._now
        ends = [self._next_beat, self.window.stop if self.reason is None else self.window.abandon]
        if (first := self.held.next_timeout(now)) is not None:
            ends.append(first)
        if self.plan.stop is not None and self.reason is None:
            ends.append(now + _STOP_LATENCY)
        return max(0.0, min(ends) - now)
