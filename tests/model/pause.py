"""One job, paused and resumed by hand, and by its queue and its fleet, while ticks claim, run and lose it.

Models "Pause, cancel, retry" of the semantics: pausing a running job is a request that every non-terminal write out of
`running` honours, the reaper's too; a wake leaves a paused job paused; resume takes back a request or makes the job
pending; a paused job can be cancelled. And of rule 1: queue and fleet pauses are read inside the claim statement, so no
claim sent after the pause starts a job.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from tests.model.checker import Mutant, Step

JobState = Literal["pending", "running", "waiting", "paused", "completed", "failed", "cancelled"]
Exit = Literal["retry", "yield", "release", "park", "reap"]

TERMINAL = {"completed", "failed", "cancelled"}
EXITS: frozenset[Exit] = frozenset({"retry", "yield", "release", "park", "reap"})

NOT_PAUSED = "a job whose pause was acknowledged is free to run"
PAUSED_BY_NOBODY = "a job is paused that nobody wants paused"
STALE_REQUEST = "a pause request outlived the run it was for"
TAKEN_AWAY = "a pause took a running job from its tick"
REFUSED = "a resume of a paused job, or a cancel of an unfinished one, was refused"
STARTED_WHILE_PAUSED = "a claim was sent after its queue or its fleet had been paused"


@dataclass(frozen=True, slots=True)
class Job:
    """The row. `holder` stands for the fence: the one tick whose writes are accepted."""

    state: JobState = "pending"
    pause_requested: bool = False
    holder: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """`wanted_paused` is what the operator was last told; `pausing`, the state read by a pause in two statements."""

    job: Job = Job()
    ticks: tuple[str, str] = ("idle", "idle")
    wanted_paused: bool = False
    pausing: JobState | None = None
    queue_paused: bool = False
    fleet_paused: bool = False

    @property
    def closed(self) -> bool:
        return self.queue_paused or self.fleet_paused


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The rules as they should be; a mutant differs in one argument."""

    pause: Literal["in one statement", "reads, then writes"] = "in one statement"
    honoured_by: frozenset[Exit] = EXITS
    landing_clears_request: bool = True
    settling_clears_request: bool = True
    resume_clears_request: bool = True
    resume_accepted: frozenset[JobState] = frozenset({"paused", "running"})
    cancel_accepted: frozenset[JobState] = frozenset({"pending", "running", "waiting", "paused"})
    wake_unpauses: bool = False
    claim_reads: Literal["pauses in the same statement", "pauses before", "no queue pause", "no fleet pause"] = (
        "pauses in the same statement"
    )

    def initial(self) -> State:
        return State()

    def broken(self, state: State) -> str | None:
        job = state.job
        if state.wanted_paused and job.state in {"pending", "waiting"}:
            return NOT_PAUSED
        if job.state == "paused" and not state.wanted_paused:
            return PAUSED_BY_NOBODY
        return STALE_REQUEST if job.pause_requested and not (job.state == "running" and state.wanted_paused) else None

    def ended(self, state: State) -> bool:
        return state.job.state == "completed"

    def steps(self, state: State) -> Iterator[Step[State]]:
        for me, phase in enumerate(state.ticks):
            yield from self.tick(state, me, phase)
        yield from self.reaper(state)
        yield from self.operator(state)

    def tick(self, state: State, me: int, phase: str) -> Iterator[Step[State]]:
        """Looking and claiming take a while. A job's own pause is seen even so: the claim locks the row it takes."""
        if phase != "idle":
            yield Step(f"tick {me} crashes", become(state, me, "idle"))
        if phase == "idle" and self.claim_reads == "pauses before":
            if not state.closed:
                yield Step(f"tick {me} sees no pause", become(state, me, "looked"))
        elif phase in {"idle", "looked"}:
            unseen = {
                "pauses before": state.closed,
                "no queue pause": state.queue_paused,
                "no fleet pause": state.fleet_paused,
            }
            if not state.closed or unseen.get(self.claim_reads):
                rule = STARTED_WHILE_PAUSED if state.closed else None
                yield Step(f"tick {me} sends a claim", become(state, me, "claiming"), rule)
        elif phase == "claiming":
            if state.job.state == "pending":
                claimed = replace(state, job=Job("running", state.job.pause_requested, me))
                yield Step(f"tick {me} gets the job", become(claimed, me, "running"))
            else:
                yield Step(f"tick {me} gets nothing", become(state, me, "idle"))
        elif phase == "running":
            yield from self.leave(state, me)

    def leave(self, state: State, me: int) -> Iterator[Step[State]]:
        done = become(state, me, "idle")
        if state.job.holder != me:
            yield Step(f"tick {me} has lost the job", done)
        else:
            ends: tuple[JobState, ...] = ("completed", "failed")
            for end in ends:
                yield Step(f"tick {me}: {end}", self.settle(done, end))
            for way in sorted(EXITS - {"reap"}):
                yield Step(f"tick {me}: {way}", self.land(done, way))

    def reaper(self, state: State) -> Iterator[Step[State]]:
        """A lease may expire at any moment: what holds for the slowest tick holds for all."""
        if state.job.state == "running":
            yield Step("the reaper takes the job back", self.land(state, "reap"))

    def operator(self, state: State) -> Iterator[Step[State]]:
        job = state.job
        if job.state not in TERMINAL:
            if state.wanted_paused:
                refused = job.state not in self.resume_accepted
                yield Step("resume", self.resumed(state), REFUSED if refused else None)
            elif self.pause == "in one statement":
                yield self.paused(state, job.state)
            elif state.pausing is None:
                yield Step("a pause reads the job", replace(state, pausing=job.state))
            else:
                yield self.paused(state, state.pausing)
            refused = job.state not in self.cancel_accepted
            yield Step("cancel", self.settle(state, "cancelled"), REFUSED if refused else None)
        elif job.state != "completed":
            yield Step("retry by hand", replace(state, job=replace(job, state="pending")))
        if job.state == "waiting" or (job.state == "paused" and self.wake_unpauses):
            yield Step("a signal wakes the job", replace(state, job=Job("pending")))
        yield Step("pause or resume the queue", replace(state, queue_paused=not state.queue_paused))
        yield Step("pause or resume the fleet", replace(state, fleet_paused=not state.fleet_paused))

    # Statements

    def land(self, state: State, way: Exit) -> State:
        """A write out of running that is not the end."""
        paused = state.job.pause_requested and way in self.honoured_by
        request = state.job.pause_requested and not self.landing_clears_request
        return replace(state, job=Job("paused" if paused else "waiting" if way == "park" else "pending", request))

    def settle(self, state: State, end: JobState) -> State:
        """The end takes the wish to pause with it; completing wins over a pause that was only requested."""
        request = state.job.pause_requested and not self.settling_clears_request
        return replace(state, job=Job(end, request), wanted_paused=False)

    def paused(self, state: State, seen: JobState) -> Step[State]:
        """One UPDATE with a CASE: a running job gets a request, any other is paused at once."""
        job = replace(state.job, pause_requested=True) if seen == "running" else Job("paused")
        wrong = state.job.state == "running" and seen != "running"
        after = replace(state, job=job, wanted_paused=True, pausing=None)
        return Step("pause", after, TAKEN_AWAY if wrong else None)

    def resumed(self, state: State) -> State:
        """A former waiter becomes pending too: its replay looks again and parks again."""
        if state.job.state == "running":
            job = replace(state.job, pause_requested=state.job.pause_requested and not self.resume_clears_request)
        else:
            job = Job("pending")
        return replace(state, job=job, wanted_paused=False)


def become(state: State, me: int, phase: str) -> State:
    return replace(state, ticks=(phase, state.ticks[1]) if me == 0 else (state.ticks[0], phase))


HOLDS = {
    "pause, resume and cancel of a job, its queue and its fleet": (Pause(), 300),
}

MUTANTS = {
    **{f"{way} ignores a pause request": Mutant(Pause(honoured_by=EXITS - {way}), NOT_PAUSED) for way in sorted(EXITS)},
    "a pause goes by a state it read earlier": Mutant(Pause(pause="reads, then writes"), TAKEN_AWAY),
    "landing in paused keeps the request": Mutant(Pause(landing_clears_request=False), STALE_REQUEST),
    "completing, failing and cancelling keep the request": Mutant(Pause(settling_clears_request=False), STALE_REQUEST),
    "resume forgets to take back the request": Mutant(Pause(resume_clears_request=False), STALE_REQUEST),
    "resume is refused while the pause is only requested": Mutant(
        Pause(resume_accepted=frozenset({"paused"})), REFUSED
    ),
    "cancel is refused on paused": Mutant(Pause(cancel_accepted=frozenset({"pending", "running", "waiting"})), REFUSED),
    "a wake makes a paused job pending": Mutant(Pause(wake_unpauses=True), NOT_PAUSED),
    "a claim reads the pauses in an earlier statement": Mutant(
        Pause(claim_reads="pauses before"), STARTED_WHILE_PAUSED
    ),
    "a claim does not look at its queue's pause": Mutant(Pause(claim_reads="no queue pause"), STARTED_WHILE_PAUSED),
    "a claim does not look at the fleet's pause": Mutant(Pause(claim_reads="no fleet pause"), STARTED_WHILE_PAUSED),
}
