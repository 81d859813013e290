"""One job and its lease: who may write it, and what a tick may conclude when its COMMIT was cut.

Models rule 2 (every write out of `running` is fenced by state, epoch and claim_id; our own writes leave the fence in
place, everybody else clears claim_id), rule 9 (an unknown outcome is resolved by identity) and rule 10 (the reaper
takes expired leases only). Two ticks, a reaper and an operator take turns in any order: a frozen tick is one that
waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from tests.model.checker import Mutant, Step

JobState = Literal["pending", "running", "completed", "cancelled"]
Write = Literal["settle", "release", "claim"]

OVERWRITTEN = "a finished job was overwritten"
STALE = "a stale tick's write was accepted"
LIVE_LEASE_TAKEN = "the reaper took a lease that had not expired"
TWO_HOLDERS = "two ticks hold the same lease"
NOT_LANDED = "a write that never landed was judged landed"
NOT_LOST = "a write that landed was judged lost"


@dataclass(frozen=True, slots=True)
class Fence:
    """What a claim hands out. Claim ids are made by the database and never repeat; epochs do, after lost commits."""

    epoch: int = 0
    claim_id: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """The row. `author` is not in it: the claim that truly holds a running job, or whose own write took it out."""

    state: JobState = "pending"
    fence: Fence = Fence()
    holder: int = 0
    expired: bool = False
    author: int = 0


@dataclass(frozen=True, slots=True)
class Tick:
    """`asked`, `unsure`: a claim or a write was cut off. `again`: the row was read and is still ours, so send again."""

    phase: Literal["idle", "asked", "busy", "unsure", "again"] = "idle"
    fence: Fence = Fence()
    write: Write = "claim"


@dataclass(frozen=True, slots=True)
class Cut:
    """A write whose connection broke: it may still commit, at any later moment, or never."""

    write: Write
    fence: Fence
    holder: int


@dataclass(frozen=True, slots=True)
class State:
    """The database, its replica (as of its last catching up), what is on the wire, and what everyone believes."""

    replica: Job | None
    job: Job = Job()
    ticks: tuple[Tick, ...] = (Tick(), Tick())
    cut: Cut | None = None
    seen_by_reaper: Fence | None = None
    claims: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The rules as they should be; a mutant differs in one argument."""

    guard: Literal["id", "state", "holder", "epoch", "fence"] = "fence"
    names: tuple[int, int] = (1, 2)
    reaper: Literal["in one statement", "by state", "by fence", "by fence and expiry"] = "in one statement"
    reaper_clears_claim_id: bool = True
    cancel_clears_claim_id: bool = True
    own_write_keeps_claim_id: bool = True
    adopts: bool = True
    refused_again_means: Literal["look again", "lost"] = "look again"
    failover: bool = False
    claims: int = 3

    def initial(self) -> State:
        return State(replica=Job() if self.failover else None)

    def broken(self, state: State) -> str | None:
        first, second = state.ticks
        holding = first.phase == second.phase == "busy"
        return TWO_HOLDERS if holding and first.fence == second.fence else None

    def ended(self, state: State) -> bool:
        out_of_claims = state.job.state == "pending" and state.claims == self.claims
        return state.job.state in {"completed", "cancelled"} or out_of_claims

    def steps(self, state: State) -> Iterator[Step[State]]:
        for me, tick in enumerate(state.ticks):
            if tick.phase == "idle":
                yield from self.claim(state, me)
            else:
                yield Step(f"tick {me} crashes", self.become(state, me, Tick()))
                act = {"asked": self.asked, "busy": self.busy, "unsure": self.unsure, "again": self.again}[tick.phase]
                yield from act(state, me)
        yield from self.network(state)
        yield from self.operator(state)
        yield from self.reap(state)
        yield from self.fail_over(state)

    # What a tick does, by phase

    def claim(self, state: State, me: int) -> Iterator[Step[State]]:
        if state.job.state == "pending" and state.claims < self.claims:
            claimed, fence = self.claimed(state, me)
            yield Step(f"tick {me} claims", self.become(claimed, me, Tick("busy", fence)))
            if state.cut is None:
                cut = replace(state, cut=Cut("claim", Fence(), me))
                yield Step(f"tick {me}'s claim is cut", self.become(cut, me, Tick("asked")))

    def asked(self, state: State, me: int) -> Iterator[Step[State]]:
        job = state.job
        mine = self.adopts and job.state == "running" and job.holder == self.names[me]
        found = Tick("busy", job.fence) if mine else Tick()
        yield Step(f"tick {me} looks for its claim: {found.phase}", self.become(state, me, found))

    def busy(self, state: State, me: int) -> Iterator[Step[State]]:
        fence = state.ticks[me].fence
        if self.accepts(state.job, fence, me):
            renewed = replace(state, job=replace(state.job, expired=False))
            yield Step(f"tick {me} renews", renewed, self.trespass(state.job, fence))
        writes: tuple[Write, ...] = ("settle", "release")
        for write in writes:
            if self.accepts(state.job, fence, me):
                yield from self.send(state, me, write, fence)
            else:
                yield Step(f"tick {me}'s {write} is refused", self.become(state, me, Tick()))
            if state.cut is None:
                cut = replace(state, cut=Cut(write, fence, me))
                yield Step(f"tick {me}'s {write} is cut", self.become(cut, me, Tick("unsure", fence, write)))

    def unsure(self, state: State, me: int) -> Iterator[Step[State]]:
        """Rule 9: still running at our fence → send again; not running with our claim_id → it landed; else lost."""
        job, tick = state.job, state.ticks[me]
        if job.state == "running" and job.fence == tick.fence:
            yield Step(f"tick {me} finds itself the holder", self.become(state, me, replace(tick, phase="again")))
        else:
            yield self.judge(state, me, landed=job.state != "running" and job.fence.claim_id == tick.fence.claim_id)

    def again(self, state: State, me: int) -> Iterator[Step[State]]:
        """The first write may land between the look and this one, which is then refused although all went well."""
        tick = state.ticks[me]
        if self.accepts(state.job, tick.fence, me):
            yield from self.send(state, me, tick.write, tick.fence)
        elif self.refused_again_means == "lost":
            yield self.judge(state, me, landed=False)
        else:
            yield Step(f"tick {me} is refused", self.become(state, me, replace(tick, phase="unsure")))

    # What happens to it

    def network(self, state: State) -> Iterator[Step[State]]:
        if cut := state.cut:
            gone = replace(state, cut=None)
            yield Step(f"the cut {cut.write} rolls back", gone)
            if cut.write == "claim":
                if state.job.state == "pending" and state.claims < self.claims:
                    yield Step("the cut claim commits", self.claimed(gone, cut.holder)[0])
            elif self.accepts(state.job, cut.fence, cut.holder):
                job = self.written(state.job, cut.write, cut.fence)
                yield Step(f"the cut {cut.write} commits", replace(gone, job=job), self.trespass(state.job, cut.fence))

    def operator(self, state: State) -> Iterator[Step[State]]:
        if state.job.state in {"pending", "running"}:
            fence = self.cleared(state.job.fence) if self.cancel_clears_claim_id else state.job.fence
            yield Step("cancel", replace(state, job=Job("cancelled", fence)))

    def reap(self, state: State) -> Iterator[Step[State]]:
        job, seen = state.job, state.seen_by_reaper
        overdue = job.state == "running" and job.expired
        if job.state == "running" and not job.expired:
            yield Step("the lease expires", replace(state, job=replace(job, expired=True)))
        fence = self.cleared(job.fence) if self.reaper_clears_claim_id else job.fence
        reaped = replace(state, job=Job("pending", fence), seen_by_reaper=None)
        if self.reaper == "in one statement":
            if overdue:
                yield Step("the reaper reaps", reaped)
        elif seen is None:
            if overdue:
                yield Step("the reaper reads", replace(state, seen_by_reaper=job.fence))
        else:
            same = {
                "by state": True,
                "by fence": job.fence == seen,
                "by fence and expiry": job.fence == seen and overdue,
            }
            if job.state == "running" and same[self.reaper]:
                yield Step("the reaper writes", reaped, None if job.expired else LIVE_LEASE_TAKEN)
            else:
                yield Step("the reaper's write is refused", replace(state, seen_by_reaper=None))

    def fail_over(self, state: State) -> Iterator[Step[State]]:
        if state.replica is not None:
            if state.replica != state.job:
                yield Step("the replica catches up", replace(state, replica=state.job))
            yield Step("failover", replace(state, job=state.replica, replica=None, cut=None))

    # Statements

    def accepts(self, job: Job, fence: Fence, me: int) -> bool:
        running = job.state == "running"
        return {
            "id": True,
            "state": running,
            "holder": running and job.holder == self.names[me],
            "epoch": running and job.fence.epoch == fence.epoch,
            "fence": running and job.fence == fence,
        }[self.guard]

    def claimed(self, state: State, me: int) -> tuple[State, Fence]:
        fence = Fence(state.job.fence.epoch + 1, state.claims + 1)
        job = Job("running", fence, self.names[me], author=fence.claim_id)
        return replace(state, job=job, claims=state.claims + 1), fence

    def written(self, job: Job, write: Write, fence: Fence) -> Job:
        after = job.fence if self.own_write_keeps_claim_id else self.cleared(job.fence)
        return Job("completed" if write == "settle" else "pending", after, author=fence.claim_id)

    def send(self, state: State, me: int, write: Write, fence: Fence) -> Iterator[Step[State]]:
        after = replace(state, job=self.written(state.job, write, fence))
        yield Step(f"tick {me} {write}s", self.become(after, me, Tick()), self.trespass(state.job, fence))

    def trespass(self, job: Job, fence: Fence) -> str | None:
        if job.state in {"completed", "cancelled"}:
            return OVERWRITTEN
        return None if job.state == "running" and job.author == fence.claim_id else STALE

    def judge(self, state: State, me: int, *, landed: bool) -> Step[State]:
        truly = state.job.state != "running" and state.job.author == state.ticks[me].fence.claim_id
        wrong = None if landed == truly else NOT_LANDED if landed else NOT_LOST
        return Step(f"tick {me} judges: {'landed' if landed else 'lost'}", self.become(state, me, Tick()), wrong)

    @staticmethod
    def cleared(fence: Fence) -> Fence:
        return replace(fence, claim_id=0)

    @staticmethod
    def become(state: State, me: int, tick: Tick) -> State:
        return replace(state, ticks=(tick, state.ticks[1]) if me == 0 else (state.ticks[0], tick))


HOLDS = {
    "an atomic reaper": (Lease(), 5_000),
    "a reaper that reads, then writes": (Lease(reaper="by fence and expiry"), 10_000),
    "a failover that loses commits": (Lease(failover=True, claims=2), 10_000),
}

MUTANTS = {
    "writes guarded by id alone": Mutant(Lease(guard="id"), OVERWRITTEN),
    "writes guarded by state alone": Mutant(Lease(guard="state"), STALE),
    "writes guarded by a holder name that two instances share": Mutant(
        Lease(guard="holder", names=(1, 1), adopts=False), STALE
    ),
    "a cut claim adopted by a name that two instances share": Mutant(Lease(names=(1, 1)), TWO_HOLDERS),
    "no claim_id in the guard, and a failover that lets the epoch repeat": Mutant(
        Lease(guard="epoch", failover=True), STALE
    ),
    "a reaper guarded by state only": Mutant(Lease(reaper="by state"), LIVE_LEASE_TAKEN),
    "a reaper that does not look at the expiry again": Mutant(Lease(reaper="by fence"), LIVE_LEASE_TAKEN),
    "a reaper that leaves claim_id in place": Mutant(Lease(reaper_clears_claim_id=False), NOT_LANDED),
    "a cancel that leaves claim_id in place": Mutant(Lease(cancel_clears_claim_id=False), NOT_LANDED),
    "our own writes clear claim_id": Mutant(Lease(own_write_keeps_claim_id=False), NOT_LOST),
    "a refused second send counts as lost": Mutant(Lease(refused_again_means="lost"), NOT_LOST),
}
