"""What becomes of a job after a run: one pure function, for the tick and for the reaper.

The table of 5-semantics ("Attempts") in code. Delays are relative: the database's clock makes instants of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, assert_never

from tickover.domain.outcome import Completed, Crashed, Failed, Outcome, OutOfTime, Parked, Released, UnknownKind
from tickover.domain.retry import crash_delay, deferral_delay, deferred_for

if TYPE_CHECKING:
    from tickover.domain.checkpoint import Saved
    from tickover.domain.job import Claimed, Lease
    from tickover.domain.park import Park
    from tickover.domain.states import Counter, State

MAX_STALLS: Final = 3
GIVE_UP_ON_KIND: Final = 86_400.0
#: A run had "a full window" when it could use this share of the longest window its tick had to give.
FULL_WINDOW: Final = 0.9

EventName = Literal[
    "JobCompleted", "JobFailed", "JobRetrying", "JobReclaimed", "JobYielded", "JobWaiting", "JobCancelled", "JobPaused"
]


@dataclass(slots=True, kw_only=True, eq=False)  # not frozen for the reason given at Claimed
class Transition:
    """One fenced move out of `running`: everything that a settle writes."""

    lease: Lease
    state: State
    counter: Counter
    event: EventName
    #: Seconds until `run_at`, by the database's clock; None keeps `run_at` as it is.
    delay: float | None = None
    result: str | None = None
    error: str | None = None
    error_kind: str | None = None
    #: The streaks and marks below stay as the row has them where this is None: a checkpoint may have zeroed them.
    crash_run: int | None = None
    stall_run: int | None = None
    need_ms: int | None = None
    deferrals: int | None = None
    #: Seconds the run took, by this process's monotonic clock; None when nobody saw its end.
    seconds: float | None = None
    #: What the event says besides.
    data: dict[str, Any] = field(default_factory=dict)
    #: What the job waits for, when it is parked.
    park: Park | None = None
    #: Back to the time at which it was enqueued: what it was to wait for is there, and old work finishes first.
    resume: bool = False
    #: The fan-out that counts this job's end.
    fan_out_id: str | None = None
    #: Caps of which the run held a place.
    places: tuple[str, ...] = ()
    #: What the run still had to record: it is written with the move, or not at all.
    checkpoints: tuple[Saved, ...] = ()


#: A transition that lacks only what is decided.
Move: TypeAlias = Callable[..., Transition]


def decide(job: Claimed, outcome: Outcome, *, dice: float = 0.5, seconds: float | None = None) -> Transition:
    """Returns the one transition that follows from how a run of `job` ended.

    Args:
        job: the job as claimed; its counters are those before this run ended.
        outcome: how the run ended.
        dice: randomness for the jitter, in [0, 1).
        seconds: how long the run took.
    """
    if type(outcome) is Completed:  # first and plain: nearly every run ends like this
        return Transition(
            lease=job.lease,
            state="completed",
            counter="completed",
            event="JobCompleted",
            result=outcome.result,
            seconds=seconds,
            fan_out_id=job.fan_out_id,
            places=job.places,
        )
    move = partial(Transition, lease=job.lease, seconds=seconds, fan_out_id=job.fan_out_id, places=job.places)
    match outcome:
        case Failed():
            return _failed(job, outcome, move, dice)
        case Crashed():
            return _crashed(job, move)
        case OutOfTime(progressed=True, need=need):
            # A step that was not started for want of time is for a tick that has it: this one would only claim it again.
            need_ms = int(1000 * (need or 0))
            said = {"reason": "deadline"}
            return move(state="pending", counter="yields", event="JobYielded", delay=0.0, need_ms=need_ms, data=said)
        case OutOfTime():
            return _stalled(job, outcome, move, dice)
        case Released(reason=reason):
            return move(state="pending", counter="released", event="JobYielded", data={"reason": reason})
        case Parked(park=park):
            said = {"reason": f"{park.kind} {park.ref}"}
            return move(state="waiting", counter="parks", event="JobWaiting", park=park, data=said)
        case UnknownKind(known_elsewhere=known):
            return _unknown(job, move, known=known)
        case Completed():
            raise AssertionError("handled above")
    assert_never(outcome)


def _failed(job: Claimed, outcome: Failed, move: Move, dice: float) -> Transition:
    said = {"error": outcome.message, "error_kind": outcome.kind}
    spent = job.failures - job.forgiven + 1
    if outcome.retry and spent <= job.max_retries:
        delay = job.backoff.delay(spent, dice=dice) if outcome.delay is None else outcome.delay
        return move(
            state="pending", counter="failures", event="JobRetrying", delay=delay, data={**said, "delay": delay}, **said
        )
    return move(state="failed", counter="failures", event="JobFailed", data=said, **said)


def _crashed(job: Claimed, move: Move) -> Transition:
    streak = job.crash_run + 1
    if must_run_alone(job.crash_run, job.max_crashes) and streak >= job.max_crashes:
        # Claimed alone and crashed again: nothing else can be to blame.
        where = f"in step {job.doing}" if job.doing else "in a row"
        said = {"error": f"crashed {streak} times {where}: the process was killed", "error_kind": "Crashed"}
        return move(state="failed", counter="crashes", event="JobFailed", crash_run=streak, data=said, **said)
    why = {"reason": "its lease ran out: the process was killed or frozen"}
    delay = crash_delay(streak)
    return move(state="pending", counter="crashes", event="JobReclaimed", delay=delay, crash_run=streak, data=why)


def _stalled(job: Claimed, outcome: OutOfTime, move: Move, dice: float) -> Transition:
    most = FULL_WINDOW * outcome.window
    stalls = job.stall_run + (outcome.elapsed >= most)
    if stalls >= MAX_STALLS:
        said = {
            "error": f"{outcome.doing} needs more than one tick: it did not end in {stalls} full windows of "
            f"{outcome.window:.0f} s. Split it into steps, or give the tick more time.",
            "error_kind": "Stalled",
        }
        return move(state="failed", counter="stalls", event="JobFailed", stall_run=stalls, data=said, **said)
    need = min(2 * outcome.elapsed, most) if outcome.need is None else outcome.need
    return move(
        state="pending",
        counter="stalls",
        event="JobYielded",
        # A step that was not started waits for a tick that has the time, and for nothing else.
        delay=job.backoff.delay(max(1, stalls), dice=dice) if outcome.need is None else 0.0,
        need_ms=int(1000 * need),
        stall_run=stalls,
        data={"reason": "deadline, without a new checkpoint"},
    )


def _unknown(job: Claimed, move: Move, *, known: bool) -> Transition:
    if not known and deferred_for(job.deferrals) >= GIVE_UP_ON_KIND:
        said = {
            "error": f"no code that ran in the last day knows the kind {job.kind!r}; "
            "register it (or an alias) and retry the job",
            "error_kind": "HandlerNotFound",
        }
        return move(state="failed", counter="failures", event="JobFailed", data=said, **said)
    why = {"reason": f"no handler here knows the kind {job.kind!r}"}
    delay = deferral_delay(job.deferrals)
    return move(
        state="pending", counter="released", event="JobYielded", delay=delay, deferrals=job.deferrals + 1, data=why
    )


def must_run_alone(crash_run: int, max_crashes: int) -> bool:
    """Whether a job that crashed so often in a row is claimed with nothing beside it.

    The claim statement says the same (`postgresql/claim.sql`): only a crash while alone may fail a job, so that a
    job is never failed for the crash of its neighbour.
    """
    return crash_run >= max(1, min(2, max_crashes - 1))
