"""Hooks and middleware: what the application wants to be told, after the write that made it true was accepted."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from tickover.domain.payload import decode
from tickover.domain.states import TERMINAL, State
from tickover.engine.watch import Watchers
from tickover.errors import InvalidArgument, JobFailedError, PayloadError

if TYPE_CHECKING:
    from tickover.domain.decide import Transition
    from tickover.domain.job import Claimed
    from tickover.domain.job_view import Job
    from tickover.engine.execute import Middleware

HookName = Literal["start", "complete", "waiting", "fail", "retry", "reclaimed"]
_log: Final = logging.getLogger("tickover.hooks")


@dataclass(slots=True)
class Hooks:
    """The application's hooks and middleware, in the order of their registration."""

    by_name: dict[HookName, list[Callable[..., None]]] = field(default_factory=dict)
    middleware: list[Middleware] = field(default_factory=list)
    enqueue_middleware: list[Callable[[Any], Any]] = field(default_factory=list)
    watchers: Watchers = field(default_factory=Watchers)

    def add(self, name: HookName, hook: Callable[..., None]) -> None:
        """Registers a hook; raises `InvalidArgument` for a coroutine function, which nobody would await."""
        if inspect.iscoroutinefunction(hook):
            raise InvalidArgument(
                f"{getattr(hook, '__name__', hook)!r} is async; hooks are plain functions, since nobody would await them."
            )
        if not callable(hook):
            raise InvalidArgument(f"A hook is a function, not {hook!r:.80}.")
        self.by_name.setdefault(name, []).append(hook)

    def add_middleware(self, layer: Middleware) -> None:
        """Registers a generator function (ctx) that yields once, around each run."""
        if not inspect.isgeneratorfunction(layer):
            raise InvalidArgument("@jobs.middleware takes a generator function: code, one yield, code.")
        self.middleware.append(layer)

    def wanted(self, name: HookName) -> bool:
        return bool(self.by_name.get(name))

    def call(self, name: HookName, job: Job, *details: Any) -> int:
        """Calls every hook of this name; returns how many raised. A hook never changes what became of its job."""
        errors = 0
        for hook in self.by_name.get(name, ()):
            try:
                hook(job, *details)
            except BaseException:  # noqa: BLE001  # SystemExit too: it would end the slot's thread, and the job with it
                errors += 1
                _log.exception(
                    "hook %s for %s failed; the job is not affected",
                    getattr(hook, "__name__", hook),
                    job.id,
                    extra=job.log_fields,
                )
        return errors


def after(transition: Transition) -> HookName | None:
    """The hook that a settled transition calls for."""
    names: dict[str, HookName] = {
        "JobCompleted": "complete",
        "JobFailed": "fail",
        "JobRetrying": "retry",
        "JobReclaimed": "reclaimed",
        "JobWaiting": "waiting",
    }
    return names.get(transition.event)


def details(name: HookName, transition: Transition, error: BaseException | None) -> tuple[Any, ...]:
    """What the hook gets besides the job: the error as raised where we have it, else as stored; or the reason."""
    match name:
        case "fail" | "retry":
            return (error if error is not None else JobFailedError(transition.error),)
        case "reclaimed":
            return (transition.data.get("reason", ""),)
    return ()


def seen(job: Claimed, transition: Transition | None = None) -> Job:
    """The job as a hook sees it: while running, or after a transition."""
    from tickover.domain.job_view import Job

    state: State = "running" if transition is None else transition.state
    counters = {name: getattr(job, name) for name in ("failures", "crashes", "yields", "stalls", "parks", "released")}
    counters["completed"] = 0
    if transition is not None:
        counters[transition.counter] = counters.get(transition.counter, 0) + 1
    return Job(
        id=job.id,
        kind=job.kind,
        queue=job.queue,
        state=state,
        tenant=job.tenant,
        priority=job.priority,
        payload=_readable(job.args),
        result=None if transition is None or transition.result is None else decode(transition.result),
        error=transition.error if transition else None,
        error_kind=transition.error_kind if transition else None,
        starts=job.starts,
        created_at=job.created_at,
        run_at=job.run_at,
        started_at=job.started_at,
        finished_at=_finished_at(job, transition),
        parent_id=job.parent_id,
        root_id=job.root_id,
        fan_out_index=job.fan_out_index,
        unique_key=job.unique_key,
        meta=_readable(job.meta) or {},
        generation=job.generation,
        **counters,
    )


def _finished_at(job: Claimed, transition: Transition | None) -> datetime | None:
    """The end as this process saw it, so that `finished_at - started_at` is the run; the row has the database's."""
    if transition is None or transition.seconds is None or transition.state not in TERMINAL:
        return None
    return job.started_at + timedelta(seconds=transition.seconds)


def _readable(text: str | None) -> Any:
    try:
        return None if text is None else decode(text)
    except PayloadError:
        return text  # an undecodable payload is shown as it is stored
