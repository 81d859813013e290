"""The verbs of whoever watches: hooks, middleware, events, numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from tickover.domain.retry import Duration, seconds

if TYPE_CHECKING:
    from tickover import events as event_types
    from tickover.app.core import Core
    from tickover.app.newjob import NewJob
    from tickover.domain.job_view import Job
    from tickover.engine.async_context import AsyncContext
    from tickover.engine.context import Context
    from tickover.store.sql_store import SqlStore
    from tickover.store.stats import Health, Stats, TickView

H = TypeVar("H", bound=Callable[..., Any])


class Observe:
    """Hooks, events and numbers of one application."""

    _core: Core

    def on_job_start(self, hook: H, /) -> H:
        """Calls `hook(job)` when a run starts."""
        self._core.hooks.add("start", hook)
        return hook

    def on_job_complete(self, hook: H, /) -> H:
        """Calls `hook(job)` after a completion was written."""
        self._core.hooks.add("complete", hook)
        return hook

    def on_job_waiting(self, hook: H, /) -> H:
        """Calls `hook(job)` after a job was parked."""
        self._core.hooks.add("waiting", hook)
        return hook

    def on_job_fail(self, hook: Callable[[Job, Exception], None], /) -> Callable[[Job, Exception], None]:
        """Calls `hook(job, error)` after a job failed for good."""
        self._core.hooks.add("fail", hook)
        return hook

    def on_retry(self, hook: Callable[[Job, Exception], None], /) -> Callable[[Job, Exception], None]:
        """Calls `hook(job, error)` after a retry was written; `job.attempt` tells which attempt failed."""
        self._core.hooks.add("retry", hook)
        return hook

    def on_job_reclaimed(self, hook: Callable[[Job, str], None], /) -> Callable[[Job, str], None]:
        """Calls `hook(job, reason)` after a job was taken back from a tick that died."""
        self._core.hooks.add("reclaimed", hook)
        return hook

    def middleware(
        self, around: Callable[[Context | AsyncContext], Iterator[None]], /
    ) -> Callable[[Context | AsyncContext], Iterator[None]]:
        """Runs a generator `(ctx) -> yield` around each run; what it raises is the run's failure."""
        self._core.hooks.add_middleware(around)
        return around

    def enqueue_middleware(
        self, change: Callable[[NewJob[Any]], NewJob[Any]], /
    ) -> Callable[[NewJob[Any]], NewJob[Any]]:
        """Passes each new job through `change` before it is written; what it raises refuses the enqueue."""
        self._core.hooks.enqueue_middleware.append(change)
        return change

    def events(self, *, after: int = 0, follow: bool = False, job_id: str | None = None) -> Iterator[event_types.Event]:
        """What happened, as durable rows, in an order in which none appears later in front of one already seen.

        Args:
            after: the `.seq` of the last event you have; 0 is the beginning.
            follow: wait for more; close the iterator to stop.
            job_id: only this job's events.
        """
        from tickover.app import reading

        return reading.events(self._core, after=after, follow=follow, job_id=job_id)

    def stats(self) -> Stats:
        """Exact counts by state and by queue, and what is paused."""
        from tickover.store import reads, stats

        return self._core.do(lambda store: stats.stats(store.link, reads.now(store.link, self._core.clock)))

    def ticks(self, *, limit: int = 50) -> list[TickView]:
        """The latest ticks that had work, newest first; of one without an end, what is not known is None.

        Args:
            limit: 1 to 1000.
        """
        from tickover.store import stats

        return self._core.do(lambda store: stats.recent_ticks(store.link, limit))

    def health(self, *, patience: Duration = 120) -> Health:
        """Whether anything that is due waits longer than `patience` seconds, a schedule's slot included, and what else
        is wrong.
        """
        from tickover.app.scheduling import overdue_schedules
        from tickover.store import stats

        allowed = seconds(patience, "patience")
        self._core.load()  # else every schedule looks as if no code declared it

        def look(store: SqlStore) -> Health:
            now, stored = store.schedules()
            missed = overdue_schedules(self._core, now, stored, allowed)
            return stats.health(store.link, now, patience=allowed, missed=missed)

        return self._core.do(look)
