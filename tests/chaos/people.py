"""What people do to a running system: cancel, pause, resume, retry and enqueue, at random and all the time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from random import Random

from tests.chaos.workload import KEYS, KINDS, SPARED, batch
from tickover import DuplicateJob, Tickover
from tickover.errors import InvalidTransition, StorageUnavailable


class People(threading.Thread):
    """One thread on its own connections; remembers what was acknowledged to it."""

    def __init__(self, jobs: Tickover, ids: dict[str, str], seed: int, every: float) -> None:
        super().__init__(name="people", daemon=True)
        self.counts: Counter[str] = Counter()
        self.acked: set[str] = set(ids)
        #: Cancels that were acknowledged, those that may have happened, and jobs that a retry may have revived.
        self.cancelled: set[str] = set()
        self.maybe_cancelled: set[str] = set()
        self.retried: set[str] = set()
        #: Whether more work is wanted: the jobs run out before the storm does.
        self.hungry = False
        self._jobs = jobs
        self._every = every
        self._kinds = ids
        # Poison is left alone: its bound is counted.
        self._targets = [job for job, kind in ids.items() if kind != "poison"]
        self._dice = Random(seed)
        self._over = threading.Event()
        self._paused: list[str] = []
        deeds: dict[Callable[[], None], int] = {
            self._enqueue_keyed: 6, self._cancel: 3, self._pause_job: 3, self._resume_job: 3, self._retry: 2,
            self._pause_queue: 1, self._pause_ticks: 1,
        }  # fmt: skip
        self._deeds = list(deeds)
        self._weights = list(deeds.values())

    def run(self) -> None:
        while not self._over.wait(self._dice.expovariate(1 / self._every)):
            self._try(self._feed if self.hungry else self._dice.choices(self._deeds, self._weights)[0])

    def stop(self) -> None:
        """No more deeds."""
        self._over.set()
        if self.is_alive():
            self.join(30)

    def heal(self) -> bool:
        """Lifts every pause; returns whether the database let us."""
        done = self._try(self._jobs.resume_ticks) and self._try(lambda: self._jobs.resume_queue("mail"))
        while done and self._paused:
            job = self._paused[-1]
            done = self._try(lambda job=job: self._jobs.resume_job(job))  # type: ignore[misc]  # job is bound here
            if done:
                self._paused.pop()
        return done

    def _try(self, deed: Callable[[], None]) -> bool:
        """Does it; whether the database answered, a refusal included."""
        try:
            deed()
        except (InvalidTransition, DuplicateJob):  # a job that was cancelled may find its key taken by a newer one
            self.counts["refused"] += 1
        except StorageUnavailable:
            self.counts["unavailable"] += 1
            return False
        return True

    def _any(self) -> str:
        return self._dice.choice(self._targets)

    def _feed(self) -> None:
        self.acked |= set(self._jobs.enqueue_many(batch(30, self._dice, shares={"unit": 2.0, "awaiting": 1.0})))
        self.hungry = False

    def _enqueue_keyed(self) -> None:
        key = f"key {self._dice.randrange(KEYS)}"
        try:
            job = self._jobs.enqueue("keyed", round(self._dice.uniform(0.01, 0.1), 3), unique=key, max_crashes=SPARED)
        except DuplicateJob:
            self.counts["duplicate"] += 1
            return
        self.counts["enqueue"] += 1
        self.acked.add(job)
        self._kinds[job] = "keyed"

    def _cancel(self) -> None:
        job = self._any()
        self.maybe_cancelled.add(job)
        self._jobs.cancel(job)
        self.cancelled.add(job)
        self.counts["cancel"] += 1

    def _pause_job(self) -> None:
        job = self._any()
        self._paused.append(job)  # first: it may happen even when no answer comes
        self._jobs.pause_job(job)
        self.counts["pause job"] += 1

    def _resume_job(self) -> None:
        if self._paused:
            self._jobs.resume_job(self._dice.choice(self._paused))
            self.counts["resume job"] += 1

    def _retry(self) -> None:
        """Revives what failed by design, or what was cancelled."""
        doomed = [job for job in self._targets if KINDS[self._kinds[job]].end == "failed"]
        job = self._dice.choice([*doomed, *sorted(self.cancelled)] or self._targets)
        self.retried.add(job)
        self._jobs.retry(job)
        self.counts["retry"] += 1

    def _pause_queue(self) -> None:
        self._jobs.pause_queue("mail")
        self.counts["pause queue"] += 1
        self._over.wait(self._dice.uniform(0.05, 0.4))
        self._jobs.resume_queue("mail")

    def _pause_ticks(self) -> None:
        self._jobs.pause_ticks("aggressive" if self._dice.random() < 0.5 else "graceful")
        self.counts["pause ticks"] += 1
        self._over.wait(self._dice.uniform(0.05, 0.3))
        self._jobs.resume_ticks()
