"""The façade: `Tickover` wires registry, store and engine, and says what each verb promises."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from tickover.app import enqueue as enqueuing
from tickover.app import ticking
from tickover.app.control import Control
from tickover.app.core import Core, read_settings
from tickover.app.handler import JobDecorator, decorator
from tickover.app.newjob import NewJob
from tickover.app.observe import Observe
from tickover.app.schedules import Schedules
from tickover.config import Settings
from tickover.domain.budget import Budget
from tickover.domain.options import EnqueueOptions
from tickover.domain.report import TickReport
from tickover.domain.retry import Duration
from tickover.engine.wake import Waker
from tickover.errors import ConfigurationError, InvalidArgument
from tickover.store.migrate import migrate
from tickover.store.pool import Pool
from tickover.store.seal import Codec

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

    from tickover.domain.job_view import Job, Page


_NOTHING: Any = object()


class Tickover(Control, Schedules, Observe):
    """Durable jobs on a database you already have. The constructor opens nothing.

    Args:
        database: a URL (`sqlite:///jobs.db`, `postgresql://user@host/db`), an SQLAlchemy URL or Engine.
        imports: modules that register handlers; imported before the first tick or enqueue.
        pool: how many connections this process may hold; default `Pool.DEFAULT`, on Lambda `Pool.SERVERLESS`.
        codec: seals what jobs store, such as `tickover.codec.AesGcmCodec`; default plain text.
        waker: what starts a tick when one is wanted.
        settings: every other knob; default `Settings.from_env()`.

    Raises:
        ConfigurationError: the URL or a setting cannot be used.
    """

    #: Registers a handler: `@jobs.job`, `@jobs.job("name", retries=5, …)`; see `JobDecorator`.
    job: JobDecorator

    def __init__(
        self,
        database: str | URL | Engine,
        /,
        *,
        imports: Sequence[str] = (),
        pool: Pool | None = None,
        codec: Codec | None = None,
        waker: Waker | None = None,
        settings: Settings | None = None,
    ) -> None:
        found = read_settings(settings)
        self._core = Core(database, pool=pool, imports=imports, settings=found, waker=waker, codec=codec)
        self.job = decorator(self._core)

    @classmethod
    def from_env(
        cls,
        *,
        imports: Sequence[str] = (),
        pool: Pool | None = None,
        codec: Codec | None = None,
        waker: Waker | None = None,
        settings: Settings | None = None,
    ) -> Self:
        """The application that the environment describes; see `Settings` for the variables.

        Raises:
            ConfigurationError: no database is named, or a variable cannot be read.
        """
        found = read_settings(settings)
        if not (found.database_url or found.database_secret):
            raise ConfigurationError("Set TICKOVER_DATABASE_URL (or DATABASE_URL), for instance to sqlite:///jobs.db.")
        return cls(
            found.database_url or "postgresql://", imports=imports, pool=pool, codec=codec, waker=waker, settings=found
        )

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._core.settings

    def migrate(self) -> None:
        """Brings the tables to this version. Safe to repeat and to run from many processes at once."""
        migrate(self._core.database)

    def close(self) -> None:
        """Closes idle connections. The application may be used again afterwards."""
        self._core.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- enqueue ----------------------------------------------------------------------------------------------------

    def enqueue(
        self, kind: str, payload: object = _NOTHING, /, *, remote: bool = False, **options: Unpack[EnqueueOptions]
    ) -> str:
        """Writes one job by name; it is durable when this returns (with `session=`: when that commits).

        Args:
            kind: the registered name.
            payload: JSON types that bind to the handler's parameters; leave it out when there are none.
            remote: the kind is unknown here on purpose: other code runs it.

        Returns:
            The job's id.

        Raises:
            HandlerNotFound, PayloadError, InvalidArgument: it cannot be run like this.
            DuplicateJob: `unique=` is held by a job that is not finished yet.
        """
        given = () if payload is _NOTHING else (payload,)
        return enqueuing.enqueue(self._core, NewJob(kind, *given, remote=remote, **options))

    def enqueue_many(self, new: Iterable[NewJob[Any]], /, *, session: Any = None) -> list[str]:
        """Writes all jobs in one transaction; returns their ids in order.

        Where a unique or idempotency key is held already, the id of the job that holds it takes the place.
        """
        return enqueuing.enqueue_many(self._core, new, session=session)

    def get(self, job_id: str, /) -> Job:
        """The job as it is now, with steps and children; raises `JobNotFound`."""
        from tickover.store import reads

        return self._core.do(lambda store: reads.get(store, job_id))

    def find(
        self,
        *,
        state: str | None = None,
        kind: str | None = None,
        queue: str | None = None,
        tenant: str | None = None,
        meta: Mapping[str, Any] | None = None,
        unique: str | None = None,
        search: str | None = None,
        parent: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Job]:
        """A page of jobs that match, newest first.

        Args:
            state: a stored state, or `scheduled`, `retrying`, `dead`.
            kind: the registered name.
            queue: the queue's name.
            tenant: whose jobs.
            meta: keys and values that the job's `meta` has.
            unique: its unique key.
            parent: id of the job that fanned it out.
            search: the end of an id, the start of a kind or unique key, or any part of a payload or error.
            limit: 1 to 1000.
            cursor: `.next_cursor` of the page before.
        """
        from tickover.store import reads

        filters = {"state": state, "kind": kind, "queue": queue, "tenant": tenant, "meta": meta, "unique": unique,
                   "search": search, "parent": parent}  # fmt: skip
        return self._core.do(lambda store: reads.find(store, limit=limit, cursor=cursor, **filters))

    def dead_letters(self, *, limit: int = 50, cursor: str | None = None, **filters: Any) -> Page[Job]:
        """Failed jobs, kept for triage, newest first; takes the filters of `find`, but for `state`.

        Raises:
            InvalidArgument: a `state`; which one a dead letter has is not a question.
        """
        if filters.pop("state", "failed") not in ("failed", "dead"):
            raise InvalidArgument("dead_letters takes no state=: they are the failed jobs. Others are found by find().")
        return self.find(**filters, state="failed", limit=limit, cursor=cursor)

    def result(self, job_id: str, /, wait: Duration = 0) -> Any:
        """What the job returned, as JSON types; None when it returned nothing.

        Args:
            job_id: the job.
            wait: seconds to wait for its end.

        Raises:
            JobNotCompleted, JobFailedError, JobCancelledError, JobNotFound: there is no result, and why.
        """
        from tickover.app import reading
        from tickover.domain.payload import decode

        text = reading.result_text(self._core, job_id, wait)
        return None if text is None else decode(text)

    # --- ticks ------------------------------------------------------------------------------------------------------

    def tick(
        self,
        budget: Budget | Duration = 55,
        /,
        *,
        queues: Sequence[str] | Mapping[str, int] | None = None,
        concurrency: int | None = None,
        stop: threading.Event | None = None,
        trigger: str = "call",
    ) -> TickReport:
        """Claims and runs jobs until nothing is due or the budget is used, and returns before its end.

        Args:
            budget: a `Budget`, or seconds.
            queues: which queues to serve: a list, or a map to each one's concurrency; default every queue.
            concurrency: jobs at once; default the map's sum, else the setting.
            stop: set it to end the tick gracefully; what runs has the `grace` setting's seconds to end.
            trigger: what started this tick, for its row.

        Raises:
            StorageUnavailable, MigrationRequired: before anything was claimed. Later the report says `error`.
        """
        return ticking.tick(self._core, budget, queues=queues, concurrency=concurrency, stop=stop, trigger=trigger)

    def run_scheduler(self, budget: Budget | Duration = 10, /) -> TickReport:
        """Brings the stored schedules up to what code declares, and writes the jobs of every slot that is due.

        Each slot fires once, however many run this at the same time. `.fired` counts the jobs.

        Raises:
            ScheduleError: after all others had their turn, for schedules that cannot fire, such as of an unknown kind.
        """
        return ticking.run_scheduler(self._core, budget)

    def run_reaper(self, budget: Budget | Duration = 10, /) -> TickReport:
        """Takes back every job whose lease ran out, and removes what is kept for no longer than the settings say.

        In bounded batches, while the budget lasts; what is left is for the next one. Jobs go with everything of
        theirs, and never one that a parent may still collect. `.removed` counts the rows.
        """
        return ticking.run_reaper(self._core, budget)

    def drain(
        self,
        timeout: Duration = 30,
        *,
        queues: Sequence[str] | Mapping[str, int] | None = None,
        concurrency: int | None = None,
    ) -> TickReport:
        """For local work and tests: scheduler, reaper and ticks until nothing is due, or becomes due, within `timeout` seconds.

        Returns:
            The sum of all reports.
        """
        return ticking.drain(self._core, timeout, queues=queues, concurrency=concurrency)

    def wake(self) -> None:
        """Hints that a tick is wanted now; for enqueues on a bare Connection, whose commit we cannot see."""
        self._core.woken(None)
