"""What runs a tick's jobs, made with the first of them: most ticks of an idle system have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tickover.domain.budget import Window
    from tickover.domain.report import TickReport
    from tickover.engine.inbox import Inbox
    from tickover.engine.observe import Hooks
    from tickover.engine.plan import Plan
    from tickover.engine.registry import Registry
    from tickover.engine.run import Run
    from tickover.engine.work import Work


class Crew:
    """The work of a tick's slots, and the loop of its async handlers."""

    def __init__(
        self,
        plan: Plan,
        inbox: Inbox,
        registry: Registry,
        hooks: Hooks,
        report: TickReport,
        *,
        window: Callable[[], Window],
    ) -> None:
        self._told = plan, inbox, registry, window
        self._hooks, self._report = hooks, report
        self._work: Work | None = None

    def begin(self) -> None:
        """On the tick's thread, before a job is handed to a slot."""
        if self._work is None:
            from tickover.engine.desk import Desk
            from tickover.engine.loop import EventLoop
            from tickover.engine.work import Work

            self._work = Work(Desk.of(*self._told), self._hooks, EventLoop(), self._report)

    def do(self, run: Run) -> None:
        """Runs one job, on a slot's thread."""
        assert self._work is not None  # noqa: S101  # nothing is handed to a slot before `begin`
        self._work.do(run)

    def close(self, seconds: float) -> None:
        """Ends the loop; see `EventLoop.close`."""
        if self._work is not None:
            self._work.loop.close(seconds)
