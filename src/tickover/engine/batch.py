"""The slots of a tick: daemon threads that take claimed jobs in order, within each queue's concurrency.

Not a ThreadPoolExecutor: it joins its threads at exit, and a `def` handler that never returns would keep the process.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from tickover.engine.run import Run


class Batch:
    """Claimed jobs that wait for a slot, and the slots. `work(run)` does one job on a worker thread."""

    def __init__(self, slots: int, rooms: Mapping[str, int] | None, work: Callable[[Run], None]) -> None:
        self._slots = slots
        self._rooms = rooms
        self._work = work
        self._ready: dict[str, list[Run]] = {}
        self._turn: deque[str] = deque()  # queues take turns
        self._chores: deque[Callable[[], None]] = deque()
        self._chores_open = 0
        self._running: Counter[str] = Counter()
        self._active: set[Run] = set()
        self._threads = 0
        self._idle = 0
        self._closed = False
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)

    @property
    def free(self) -> int:
        """Slots with nothing to do, now or in a moment: a job that waits here and may start has one, before its thread looks.

        A slot whose job was given up is free when its thread returns.
        """
        with self._lock:
            starting = sum(min(len(ready), self._room(queue)) for queue, ready in self._ready.items())
            return max(0, self._slots - self._running.total() - starting)

    @property
    def busy(self) -> bool:
        """Whether any thread still runs a job's code."""
        with self._lock:
            return self._running.total() > 0

    @property
    def stuck(self) -> bool:
        """Whether every slot has a thread whose job was given up: then nothing can start here."""
        with self._lock:
            return len(self._active) == self._slots and all(run.word in ("closed", "lost") for run in self._active)

    @property
    def ahead(self) -> int:
        """Jobs that wait for a slot."""
        with self._lock:
            return sum(map(len, self._ready.values()))

    def load(self, queue: str) -> int:
        """Jobs of a queue that run or wait here."""
        with self._lock:
            return self._running[queue] + len(self._ready.get(queue, ()))

    def add(self, runs: Iterable[Run]) -> None:
        """Hands claimed jobs to the slots."""
        with self._lock:
            arrivals: dict[str, list[Run]] = {}
            for run in runs:
                arrivals.setdefault(run.job.queue, []).append(run)
            for queue, arrived in arrivals.items():
                if queue not in self._ready:
                    self._turn.append(queue)
                # The first stands at the end, where taking it costs nothing.
                self._ready[queue] = sorted(self._ready.get(queue, []) + arrived, key=_order, reverse=True)
            self._staff(sum(map(len, self._ready.values())))
            self._changed.notify_all()

    def chore(self, work: Callable[[], None]) -> None:
        """Has a slot do something short, such as a hook, before the next job."""
        with self._lock:
            self._chores.append(work)
            self._chores_open += 1
            self._staff(1)
            self._changed.notify()

    def withdraw(self) -> list[Run]:
        """Takes back every job that waits for a slot; none of them starts any more."""
        with self._lock:
            runs = [run for ready in self._ready.values() for run in reversed(ready)]
            self._ready.clear()
            self._turn.clear()
            return runs

    def settle_chores(self, seconds: float) -> bool:
        """Waits until no chore is open, for that long at most; returns whether that is so."""
        with self._lock:
            return self._changed.wait_for(lambda: self._chores_open == 0, timeout=max(0.0, seconds))

    def close(self) -> None:
        """Every idle thread ends; a busy one ends when its job's code returns."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()

    def _staff(self, wanted: int) -> None:
        for _ in range(min(wanted - self._idle, self._slots - self._threads)):
            self._threads += 1
            threading.Thread(target=self._serve, name=f"tickover-{self._threads}", daemon=True).start()

    def _serve(self) -> None:
        task = self._next(None)
        while task is not None:
            try:
                if isinstance(task, Run):
                    self._work(task)
                else:
                    task()
            except BaseException:
                self._next(task, stay=False)
                raise
            task = self._next(task)

    def _next(self, done: Run | Callable[[], None] | None, *, stay: bool = True) -> Run | Callable[[], None] | None:
        """Puts down what is done and takes what comes next, under one lock: jobs can be shorter than two of them."""
        with self._lock:
            if isinstance(done, Run):
                self._leave(done)
            elif done is not None:
                self._done()
            while stay and not self._closed:
                if self._chores:
                    self._changed.notify()  # the room that was left may be another thread's to use
                    return self._chores.popleft()
                if (run := self._startable()) is not None:
                    self._running[run.job.queue] += 1
                    self._active.add(run)
                    return run
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return None

    def _startable(self) -> Run | None:
        for _ in range(len(self._turn)):
            queue = self._turn[0]
            self._turn.rotate(-1)
            ready = self._ready[queue]
            if ready and self._room(queue) > 0:
                return ready.pop()
        return None

    def _room(self, queue: str) -> int:
        """How many more jobs of a queue may run at once."""
        most = self._slots if self._rooms is None else self._rooms.get(queue, self._slots)
        return max(0, most - self._running[queue])

    def _leave(self, run: Run) -> None:
        self._running[run.job.queue] -= 1
        self._active.discard(run)

    def _done(self) -> None:
        self._chores_open -= 1
        self._changed.notify_all()


def _order(run: Run) -> tuple[int, datetime, str]:
    return run.job.order
