"""Pause, resume, cancel, retry, purge: one guarded statement each, and a clear answer when it does not apply."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from tickover.domain.ids import parse_id
from tickover.domain.options import check_name
from tickover.domain.payload import safe_text
from tickover.domain.retry import Duration, seconds
from tickover.errors import DuplicateJob, InvalidArgument, InvalidTransition, JobNotFound
from tickover.store.link import KeyTaken

if TYPE_CHECKING:
    from tickover.app.core import Core
    from tickover.store.sql_store import SqlStore

_BATCH: Final = 500
_TRIES: Final = 3
#: What `find` asks by; our own pages ask by more.
_FILTERS: Final = ("state", "kind", "queue", "tenant", "meta", "unique", "search", "parent")


class Control:
    """The verbs of an operator."""

    _core: Core

    def pause_job(self, job_id: str, /) -> None:
        """A job that waits is paused now, a running one at its next write that is not an end.

        Raises:
            InvalidTransition: it is paused already, or over.
        """
        _pause_job(self._core, job_id)

    def resume_job(self, job_id: str, /) -> None:
        """A paused job may run again, at its old time; raises `InvalidTransition` when it is not paused."""
        _resume_job(self._core, job_id)

    def pause_queue(self, queue: str, /, reason: str = "") -> None:
        """No claim takes a job of this queue any more; running jobs go on, enqueues are still accepted."""
        _pause_queue(self._core, queue, reason)

    def limit_queue(self, queue: str, most: int | None, /) -> None:
        """At most `most` jobs of this queue run at once over the whole fleet, from the next claim on; None lifts that.

        What runs already goes on. Besides, each tick keeps to its own `queues=`.

        Raises:
            InvalidArgument: not a whole number from 1 to 1,000,000, or None.
        """
        from tickover.app.queue_limit import limit_queue

        limit_queue(self._core, queue, most)

    def resume_queue(self, queue: str, /) -> None:
        """The queue is served again; raises `InvalidTransition` when it is not paused."""
        _resume_queue(self._core, queue)

    def pause_ticks(self, mode: Literal["graceful", "aggressive"] = "graceful", /) -> None:
        """No tick of the fleet claims any more; `aggressive` also stops running jobs at their next boundary, unharmed."""
        _pause_ticks(self._core, mode)

    def resume_ticks(self) -> None:
        """The fleet claims again; raises `InvalidTransition` when it was not paused."""
        _resume_ticks(self._core)

    def cancel(self, job_id: str, /) -> None:
        """Ends a job that is not over, at once, and everything it fanned out; a running handler learns within seconds.

        Safe to repeat.

        Raises:
            InvalidTransition: it completed or failed already.
        """
        from tickover.app.cancelling import cancel_job

        cancel_job(self._core, job_id)

    def signal(
        self,
        job_id: str,
        name: str,
        payload: object = True,  # noqa: FBT002  # the plainest message there is, and not a flag
        /,
        *,
        message_id: str | None = None,
        session: Any = None,
    ) -> None:
        """Sends a message to one job; it is durable when this returns (with `session=`: when that commits).

        Args:
            job_id: the job; it need not wait for the signal yet.
            name: what the job asks for.
            payload: JSON types, or anything pydantic can serialise.
            message_id: sent twice with one id, it is there once.
            session: the caller's SQLAlchemy Session or Connection, or a psycopg or sqlite3 connection.

        Raises:
            JobNotFound, SignalError: no such job, or it is over.
        """
        from tickover.app.signals import signal

        signal(self._core, job_id, name, payload, message_id=message_id, session=session)

    def retry(self, job_id: str, /, *, fresh: bool = False) -> None:
        """Gives a failed or cancelled job a new budget; it keeps its checkpoints unless `fresh`.

        Raises:
            InvalidTransition: it is not failed or cancelled.
            DuplicateJob: a newer job holds its unique key.
        """
        _retry(self._core, job_id, fresh=fresh)

    def retry_many(self, *, fresh: bool = False, **filters: Any) -> list[str]:
        """Retries every failed job (or `state="cancelled"`) that matches the filters of `find`; returns their ids.

        Jobs whose unique key a newer job holds are left out.
        """
        if unknown := filters.keys() - set(_FILTERS):
            raise InvalidArgument(f"Jobs are not found by {min(unknown)!r}; only by {', '.join(_FILTERS)}.")
        return _retry_many(self._core, fresh=fresh, **filters)

    def purge(self, *, state: str, queue: str | None = None, kind: str | None = None, older_than: Duration = 0) -> int:
        """Deletes jobs of one queue that are over, with everything of theirs, in bounded batches.

        Args:
            state: `completed`, `failed` or `cancelled`.
            queue: whose jobs; it must be said, so that nobody deletes everything by leaving a word out.
            kind: only this kind.
            older_than: only what ended at least so many seconds ago.

        Returns:
            How many were deleted.
        """
        age = seconds(older_than, "older_than")
        return _purge(self._core, state=state, queue=queue, kind=kind, older_than=age)


def _pause_job(core: Core, job_id: str) -> None:
    _move(core, "pause_job", job_id, "be paused")


def _resume_job(core: Core, job_id: str) -> None:
    if _move(core, "resume_job", job_id, "be resumed") == "pending":
        core.woken(None)


def _move(core: Core, verb: str, job_id: str, doing: str) -> str:
    """Runs a verb on one job; explains a refusal by the job's state."""
    job_id = parse_id(job_id)
    shown = "changing all the time"
    for _ in range(_TRIES):
        rows = core.do(lambda store: store.call(verb, id=job_id, log=store.log))
        if rows:
            return str(rows[0][1])
        state, requested = core.do(lambda store: _reads().state_of(store.link, job_id))
        if state is None:
            raise JobNotFound(f"No job has the id {job_id}.")
        if not _takes(verb, state, requested=requested):
            shown = "running, with a pause already asked for" if requested else state
            break
        # It moved between the two statements: a reason that is true no more is no reason (tests/interleavings).
    raise InvalidTransition(f"Job {job_id} is {shown}; it cannot {doing} now.")


def _takes(verb: str, state: str, *, requested: bool) -> bool:
    """Whether a verb applies to a job in this state, as its statement says too."""
    match verb:
        case "pause_job":
            return state in ("pending", "waiting", "running") and not requested
    return state == "paused" or requested


def _retry(core: Core, job_id: str, *, fresh: bool) -> None:
    job_id = parse_id(job_id)
    try:
        done = core.do(lambda store: _retried(store, [job_id], fresh=fresh, skip=False))
    except KeyTaken as error:
        holder = core.do(lambda store: _reads().key_holder(store.link, job_id))
        raise DuplicateJob(
            f"Job {job_id} cannot be retried: a newer job holds its unique key ({holder}).", job_id=holder or job_id
        ) from error
    if done:
        core.woken(None)
        return
    state, _ = core.do(lambda store: _reads().state_of(store.link, job_id))
    if state is None:
        raise JobNotFound(f"No job has the id {job_id}.")
    if state in ("failed", "cancelled"):
        raise InvalidTransition(f"Job {job_id} is a child of a fan-out; retry its parent.")
    raise InvalidTransition(f"Job {job_id} is {state}; only failed and cancelled jobs are retried.")


def _retry_many(core: Core, *, fresh: bool, **filters: Any) -> list[str]:
    filters.setdefault("state", "failed")
    if filters["state"] not in ("failed", "cancelled"):
        raise InvalidArgument(f"retry_many takes failed or cancelled jobs, not {filters['state']!r}.")
    done: list[str] = []
    for ids in _pages(core, filters):
        done += retry_page(core, ids, fresh=fresh)
    if done:
        core.woken(None)
    return done


def retry_page(core: Core, ids: list[str], *, fresh: bool) -> list[str]:
    """Retries those of these jobs that can be retried, without a word about the others; returns their ids."""
    try:
        return core.do(partial(_retried, ids=ids, fresh=fresh, skip=True))
    except KeyTaken:
        if len(ids) == 1:
            return []
    # Two of them have the same key, or somebody took one just now: one by one, and the newest has it.
    return [done for job_id in reversed(ids) for done in retry_page(core, [job_id], fresh=fresh)]


def _retried(store: SqlStore, ids: list[str], *, fresh: bool, skip: bool) -> list[str]:
    rows = store.call("retry", ids=json.dumps(ids), fresh=fresh, skip=skip, log=store.log)
    return [str(row[0]) for row in rows]


def _pages(core: Core, filters: dict[str, Any]) -> Iterator[list[str]]:
    def after(cursor: str | None) -> list[str]:
        found: list[str] = core.do(lambda store: _reads().find_ids(store, cursor=cursor, limit=_BATCH, **filters))
        return found

    page = after(None)
    while page:
        yield page
        page = after(page[-1])


def _purge(core: Core, *, state: str, queue: str | None, kind: str | None, older_than: float) -> int:
    if state not in ("completed", "failed", "cancelled"):
        raise InvalidArgument(f"purge deletes completed, failed or cancelled jobs, not {state!r}.")
    if queue is None:
        raise InvalidArgument("purge needs a queue=, so that nobody deletes everything by leaving a word out.")
    check_name(queue, "queue")
    params = {"state": state, "queue": queue, "kind": kind, "older": older_than, "limit": _BATCH}
    deleted = 0
    for count in _until_short(lambda: len(core.do(lambda store: store.call("purge", **params)))):
        deleted += count
    return deleted


def _until_short(batch: Callable[[], int]) -> Iterable[int]:
    count = _BATCH
    while count == _BATCH:
        count = batch()
        yield count


def _pause_queue(core: Core, queue: str, reason: str, by: str | None = None) -> None:
    params = {"queue": check_name(queue, "queue"), "by": by, "reason": safe_text(reason, 1000)}
    if not core.do(lambda store: store.call("pause_queue", **params, log=store.log)):
        raise InvalidTransition(f"Queue {queue!r} is paused already.")


def _resume_queue(core: Core, queue: str) -> None:
    name = check_name(queue, "queue")
    if not core.do(lambda store: store.call("resume_queue", queue=name, log=store.log)):
        raise InvalidTransition(f"Queue {queue!r} is not paused.")
    core.woken(None)


def _pause_ticks(core: Core, mode: str) -> None:
    if mode not in ("graceful", "aggressive"):
        raise InvalidArgument(f'pause_ticks takes "graceful" or "aggressive", not {mode!r}.')
    if not core.do(lambda store: store.call("pause_ticks", mode=mode, log=store.log)):
        raise InvalidTransition(f"The fleet is paused ({mode}) already.")


def _resume_ticks(core: Core) -> None:
    if not core.do(lambda store: store.call("resume_ticks", log=store.log)):
        raise InvalidTransition("The fleet is not paused.")
    core.woken(None)


def _reads() -> Any:
    """Imported when somebody asks: the reads bring SQLAlchemy, which enqueuing and ticks do without."""
    from tickover.store import reads

    return reads
