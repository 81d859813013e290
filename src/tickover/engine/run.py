"""One run of one job in this process: what the worker executes and the tick's thread watches over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from tickover.domain.checkpoint import Checkpoint
    from tickover.domain.job import Claimed
    from tickover.engine.registry import Kind

Word = Literal["go on", "deadline", "paused", "stopping", "lost", "closed"]
_WEIGHT: Final[dict[Word, int]] = {"go on": 0, "paused": 1, "deadline": 2, "stopping": 3, "lost": 4, "closed": 5}
_CANCELS: Final = frozenset({"stopping", "lost", "closed"})


class Run:
    """A claimed job between its claim and its settle.

    The tick's thread writes `word`; the worker reads it at each boundary. A word only ever gets worse, and `closed`
    is final: whatever a closed run still reports is ignored.
    """

    __slots__ = (
        "_interrupt", "_lock", "_spoken", "claimed_at", "doing", "ended", "job", "kind", "progressed", "recorded", "report",
        "started", "tick_id", "timeout", "word",
    )  # fmt: skip

    def __init__(
        self,
        job: Claimed,
        kind: Kind | None,
        tick_id: str = "",
        *,
        claimed_at: float = 0.0,
        recorded: Sequence[tuple[int, Checkpoint]] = (),
    ) -> None:
        self.job = job
        #: The tick that claimed it.
        self.tick_id = tick_id
        self.kind = kind
        #: Monotonic instant at which the claim's answer was here: the database's clock had passed `job.started_at`.
        self.claimed_at = claimed_at
        #: What earlier runs recorded, as it was read right after the claim.
        self.recorded = recorded
        #: The step it is in; empty between steps.
        self.doing = ""
        #: Monotonic instant of its start; None while it waits for a slot.
        self.started: float | None = None
        #: Whether its end was handed in, perhaps while the tick's thread is kept by the database: then it is in time.
        self.ended = False
        #: Whether it has recorded a checkpoint since the claim.
        self.progressed = False
        #: What the job last said about how far it is, until it is written.
        self.report: str | None = None
        self.timeout = job.timeout if job.timeout is not None else (kind.options.get("timeout") if kind else None)
        self.word: Word = "go on"
        self._lock = threading.Lock()
        self._spoken: threading.Event | None = None
        self._interrupt: Callable[[], Any] | None = None

    def elapsed(self, now: float) -> float:
        """Seconds it has run; 0 before its start."""
        return 0.0 if self.started is None else now - self.started

    def database_now(self, now: float) -> datetime:
        """The database's clock at a monotonic instant, or a moment before: never early, whatever the host's clock says."""
        return self.job.started_at + timedelta(seconds=max(0.0, now - self.claimed_at))

    def tell(self, word: Word) -> None:
        """Asks the run to stop at its next boundary.

        A coroutine is also cancelled at its next await where nothing it could still write would be kept, or where the
        fleet was told to drop its work; near the deadline and for a pause it may reach its boundary by itself.
        """
        with self._lock:
            if _WEIGHT[word] <= _WEIGHT[self.word]:
                return
            self.word, interrupt = word, self._interrupt
            if self._spoken is not None:
                self._spoken.set()
        if interrupt is not None and word in _CANCELS:
            interrupt()

    def rest(self, seconds: float) -> None:
        """Waits on the worker's thread for so long, or until the tick has something to say."""
        with self._lock:
            self._spoken = self._spoken or threading.Event()
            spoken = self._spoken
            if self.word != "go on":
                return
        spoken.wait(seconds)

    @property
    def suspect(self) -> bool:
        """Whether nothing may run beside it: it crashed so often that its neighbours must not be there when it does again."""
        from tickover.domain.decide import must_run_alone

        return must_run_alone(self.job.crash_run, self.job.max_crashes)

    @property
    def listened(self) -> bool:
        """Whether what this run hands in still counts."""
        return self.word not in ("closed", "lost")

    @property
    def stopped(self) -> bool:
        """Whether this run was cancelled from outside."""
        return self.word in _CANCELS

    def interruptible(self, interrupt: Callable[[], Any] | None) -> None:
        """How to stop this run from outside, while there is a way (a task to cancel); None when there is none."""
        with self._lock:
            self._interrupt = interrupt
            pending = self.word
        if interrupt is not None and pending in _CANCELS:
            interrupt()
