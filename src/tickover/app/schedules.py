"""Schedules: declared in code, reconciled and fired by the scheduler, paused and run by an operator.

What the verbs do is in `declaring` and `scheduling`: most ticks know no schedule, and no tick fires one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

if TYPE_CHECKING:
    from tickover.app.core import Core
    from tickover.app.handler import Handler
    from tickover.app.newjob import NewJob
    from tickover.domain.declared import CatchUp, Overlap, ScheduleView
    from tickover.domain.options import EnqueueOptions
    from tickover.domain.schedule import Schedule

_NOTHING: Any = object()


class Schedules:
    """The verbs of schedules."""

    _core: Core

    def schedule(
        self,
        what: str | Handler[[], Any] | NewJob[Any],
        when: Schedule,
        payload: object = _NOTHING,
        /,
        *,
        name: str | None = None,
        catch_up: CatchUp = "latest",
        overlap: Overlap = "allow",
        **options: Unpack[EnqueueOptions],
    ) -> None:
        """Declares that a job recurs. Nothing is written: `run_scheduler` brings the database up to date.

        Args:
            what: a handler that needs no payload, a new job, or a registered name.
            when: `every(…)`, `daily(…)`, `weekly(…)` or `cron(…)`.
            payload: what the handler takes, when `what` is a name.
            name: the schedule's own name; default the kind's. Each schedule of a kind needs one of its own.
            catch_up: of slots that passed while nothing fired, `"latest"` fires one, `"skip"` none, a number so many.
            overlap: while the job of an earlier slot is not over, `"allow"` fires, `"skip"` does not, `"queue_one"`
                does unless one waits already.
            options: any of `EnqueueOptions`, except `at` and `session`.

        Raises:
            ScheduleError: it cannot be used like this, or the name is taken.
            PayloadError: the payload does not fit.
        """
        from tickover.app import declaring

        new = declaring.new_job(what, () if payload is _NOTHING else (payload,), options)
        declaring.declare(self._core, new, when, name=name or new.kind, catch_up=catch_up, overlap=overlap)

    def unschedule(self, name: str, /) -> None:
        """The schedule is gone, and fires no more; what it fired stays. Code that declares it brings it back.

        Raises:
            ScheduleError: there is none of this name.
        """
        from tickover.app import scheduling

        scheduling.remove(self._core, name)

    def pause_schedule(self, name: str, /) -> None:
        """No slot of it fires until it is resumed; jobs that it fired go on. Raises `InvalidTransition` when paused."""
        from tickover.app import scheduling

        scheduling.pause(self._core, name)

    def resume_schedule(self, name: str, /) -> None:
        """It fires again, from the first slot that is still to come; those of the pause are omitted.

        Raises:
            InvalidTransition: it is not paused.
            ScheduleError: there is none of this name.
        """
        from tickover.app import scheduling

        scheduling.resume(self._core, name)

    def run_now(self, name: str, /) -> str:
        """Writes one job of the schedule now, and leaves its slots as they are, paused or not; returns the job's id.

        Raises:
            ScheduleError: there is none of this name.
            DuplicateJob: its unique or idempotency key is held.
        """
        from tickover.app import scheduling

        return scheduling.run_now(self._core, name)

    def schedules(self) -> list[ScheduleView]:
        """Every schedule, stored or declared here, by name."""
        from tickover.app import scheduling

        return scheduling.listed(self._core)
