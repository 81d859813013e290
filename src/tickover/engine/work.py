"""One job on a worker thread, from its start hook to the inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tickover.domain.outcome import Outcome, Released
from tickover.engine.async_context import AsyncContext
from tickover.engine.context import Context
from tickover.engine.desk import Desk
from tickover.engine.execute import execute, failure
from tickover.engine.flow import Flow
from tickover.engine.inbox import Finished
from tickover.engine.loop import EventLoop
from tickover.engine.observe import seen

if TYPE_CHECKING:
    from tickover.domain.report import TickReport
    from tickover.engine.observe import Hooks
    from tickover.engine.run import Run


class Work:
    """What the slots of one tick do."""

    def __init__(self, desk: Desk, hooks: Hooks, loop: EventLoop, report: TickReport) -> None:
        self.loop = loop
        self._desk = desk
        self._hooks = hooks
        self._report = report

    def do(self, run: Run) -> None:
        """Runs one job; whatever happens, its end is handed in."""
        if run.word != "go on":  # paused, or lost, while it waited for its slot
            run.ended = True
            self._desk.inbox.hand_in(Finished(run, Released(run.word), None, 0.0))
            return
        run.started = self._desk.monotonic()
        flow = Flow(run, self._desk)
        try:
            outcome, error = self._execute(run, flow)
        except BaseException as unforeseen:  # noqa: BLE001  # a slot that dies would take the tick with it
            outcome, error = failure(run, unforeseen), unforeseen
        run.ended = True
        left = flow.journal.take() if flow.used else ()
        self._desk.inbox.hand_in(Finished(run, outcome, error, run.elapsed(self._desk.monotonic()), left))

    def _execute(self, run: Run, flow: Flow) -> tuple[Outcome, BaseException | None]:
        cls = AsyncContext if run.kind is not None and run.kind.is_async else Context
        if self._hooks.wanted("start"):
            self._report.hook_errors += self._hooks.call("start", seen(run.job))
        return execute(run, cls(flow), loop=self.loop, middleware=self._hooks.middleware)
