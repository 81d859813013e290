"""How runs end: what a run said, and what only its tick knows, as the moves that a settle writes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from tickover.domain.decide import Transition, decide
from tickover.domain.outcome import Failed, Outcome, OutOfTime, Released, UnknownKind
from tickover.engine.reconnect import reconnect
from tickover.store.port import OutcomeUnknown, RolledBack, Store

if TYPE_CHECKING:
    from tickover.domain.checkpoint import Saved
    from tickover.engine.held import Ended, Held
    from tickover.engine.run import Run

#: A job that is given back keeps what it found out; one that failed begins that part anew.
_RECORDS: Final = frozenset({"parks", "yields", "stalls", "released"})


def decided(
    run: Run, outcome: Outcome, error: BaseException | None, took: float | None, saves: tuple[Saved, ...]
) -> tuple[Run, Transition, BaseException | None]:
    """The move that an end calls for."""
    transition = decide(run.job, outcome, dice=random.random(), seconds=took)  # noqa: S311  # jitter, not secrecy
    if saves and transition.counter in _RECORDS:
        transition.checkpoints = saves
    return run, transition, error


def completed(held: Held, run: Run, outcome: Outcome, now: float) -> Outcome:
    """An outcome with what only the tick of its run knows."""
    match outcome:
        case OutOfTime(need=need, doing=doing):
            return out_of_time(held, run, now, need=need, doing=doing)
        case UnknownKind():
            return UnknownKind(known_elsewhere=_known_elsewhere(held.store, run.job.kind))
    return outcome


def out_of_time(
    held: Held, run: Run, now: float, *, need: float | None = None, doing: str = ""
) -> OutOfTime | Released:
    """The outcome of a run that did not end in time; when somebody asked for the stop, that is nobody's stall."""
    if held.stopping:
        return Released("stop requested")
    return OutOfTime(
        progressed=run.progressed,
        elapsed=run.elapsed(now),
        window=held.plan.window.stop - (held.opened or held.plan.window.start),
        doing=f"step {doing or run.doing}" if doing or run.doing else f"the run of {run.job.kind}",
        need=need,
    )


def timed_out(run: Run, now: float) -> Ended:
    """The end of a run that took longer than its `timeout`."""
    said = f"timed out after {run.timeout:g} s"
    return run, Failed(said, "TimedOut"), TimeoutError(said), run.elapsed(now), ()


def _known_elsewhere(store: Store, kind: str) -> bool:
    try:
        return store.kind_seen(kind)
    except RolledBack:
        return True  # then it is deferred once more, which is harmless
    except OutcomeUnknown:
        reconnect(store)
        return True
