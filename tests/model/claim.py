"""A poison job, which kills any process that runs it, among innocent ones: who is claimed with whom, and who is blamed?

Models the crash row of the attempts table in the semantics: a killed process adds one to `crash_run` of all it held; a
job with crash_run 1 is claimed only into free slots; a suspect, at crash_run 2, only alone, as the first claim of a
tick with nothing beside it; and only a crash while alone may fail a job. `crash_run` is zeroed by a new checkpoint and
by nothing else. A handler that timed out cannot be stopped: its thread haunts the process and can still kill it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from tests.model.checker import Mutant, Step

Place = Literal["pending", "surplus", "running", "orphan", "completed", "failed"]
Zero = Literal["new checkpoint", "replay", "release"]

POISON = 0
INNOCENT_FAILED = "an innocent job was failed for a crash"
TOO_MANY_KILLS = "the poison job killed more processes than it may"
HIT_WHILE_WAITING = "a job that had crashed was hit again while it only waited for a slot"


@dataclass(frozen=True, slots=True)
class Job:
    """The row, and how many checkpoints are still to be made. An orphan's process is dead; the reaper will see it."""

    checkpoints: int
    place: Place = "pending"
    tick: int | None = None
    crash_run: int = 0


@dataclass(frozen=True, slots=True)
class Tick:
    """A process. `alone`: it holds a suspect and takes nothing else. `haunted`: a thread of the poison job is left."""

    fresh: bool = True
    alone: bool = False
    haunted: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Job 0 is the poison."""

    jobs: tuple[Job, ...]
    ticks: tuple[Tick, ...]
    timeouts: int
    kills: int = 0

    def held(self, me: int) -> list[Job]:
        return [job for job in self.jobs if job.tick == me]

    def with_job(self, n: int, **change: Any) -> State:
        return replace(self, jobs=put(self.jobs, n, replace(self.jobs[n], **change)))

    def with_tick(self, me: int, tick: Tick) -> State:
        return replace(self, ticks=put(self.ticks, me, tick))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The rules as they should be; a mutant differs in one argument."""

    max_crashes: int = 3
    alone_from: int = 2
    suspects: Literal["first in a fresh tick", "in an idle tick", "beside others"] = "first in a fresh tick"
    others_join_a_suspect: bool = False
    crashed_once_may_wait: bool = False
    failed_by: Literal["a crash while alone", "any crash"] = "a crash while alone"
    zeroed_by: frozenset[Zero] = frozenset({"new checkpoint"})
    innocents: int = 1
    ticks: int = 1
    slots: int = 2
    surplus: int = 1
    checkpoints: int = 1
    timeouts: int = 1

    @property
    def kills_allowed(self) -> int:
        """The streak that ends it, and one less before each new checkpoint; abandoned threads kill once each."""
        streak = max(self.max_crashes, self.alone_from + 1)
        return streak + (streak - 1) * self.checkpoints + self.timeouts

    def initial(self) -> State:
        return State((Job(self.checkpoints),) * (1 + self.innocents), (Tick(),) * self.ticks, self.timeouts)

    def broken(self, state: State) -> str | None:
        if any(job.place == "failed" for job in state.jobs[1:]):
            return INNOCENT_FAILED
        return TOO_MANY_KILLS if state.kills > self.kills_allowed else None

    def ended(self, state: State) -> bool:
        return all(job.place in {"completed", "failed"} for job in state.jobs)

    def steps(self, state: State) -> Iterator[Step[State]]:
        for me, tick in enumerate(state.ticks):
            yield from self.claim(state, me, tick)
            if not tick.fresh and not state.held(me):
                yield Step(f"tick {me} ends, another begins", state.with_tick(me, Tick()))
            if tick.haunted or (state.jobs[POISON].tick == me and state.jobs[POISON].place == "running"):
                yield self.kill(state, me)
        for n, job in enumerate(state.jobs):
            if job.place == "orphan":
                yield self.reap(state, n, job)
            elif job.tick is not None:
                yield from self.run(state, n, job, job.tick)

    def claim(self, state: State, me: int, tick: Tick) -> Iterator[Step[State]]:
        held = state.held(me)
        running = sum(job.place == "running" for job in held)
        for n, job in enumerate(state.jobs):
            if job.place == "pending":
                if job.crash_run >= self.alone_from and self.suspects != "beside others":
                    if not held and (tick.fresh or self.suspects == "in an idle tick"):
                        claimed = state.with_tick(me, replace(tick, fresh=False, alone=True))
                        yield Step(f"tick {me} claims {name(n)} alone", claimed.with_job(n, place="running", tick=me))
                elif not tick.alone or self.others_join_a_suspect:
                    claimed = state.with_tick(me, replace(tick, fresh=False))
                    if running < self.slots:
                        yield Step(f"tick {me} claims {name(n)}", claimed.with_job(n, place="running", tick=me))
                    if len(held) - running < self.surplus and (job.crash_run == 0 or self.crashed_once_may_wait):
                        yield Step(f"tick {me} claims {name(n)} ahead", claimed.with_job(n, place="surplus", tick=me))
            elif job.place == "surplus" and job.tick == me and running < self.slots:
                yield Step(f"tick {me} starts {name(n)}", state.with_job(n, place="running"))

    def run(self, state: State, n: int, job: Job, me: int) -> Iterator[Step[State]]:
        left = state if state.held(me) != [job] else state.with_tick(me, replace(state.ticks[me], alone=False))
        crash_run = 0 if "release" in self.zeroed_by else job.crash_run
        yield Step(f"{name(n)} goes back", left.with_job(n, place="pending", tick=None, crash_run=crash_run))
        if job.place == "running":
            if job.checkpoints:
                checkpoints = job.checkpoints - 1
                yield Step(f"{name(n)} gets on", state.with_job(n, checkpoints=checkpoints, crash_run=0))
            if "replay" in self.zeroed_by and job.checkpoints < self.checkpoints:
                yield Step(f"{name(n)} replays", state.with_job(n, crash_run=0))
            if n != POISON:
                yield Step(f"{name(n)} completes", left.with_job(n, place="completed", tick=None))
            elif state.timeouts:
                haunted = left.with_tick(me, replace(left.ticks[me], haunted=True)).with_job(
                    n, place="pending", tick=None
                )
                yield Step(f"{name(n)} times out", replace(haunted, timeouts=state.timeouts - 1))

    def kill(self, state: State, me: int) -> Step[State]:
        jobs = tuple(replace(job, place="orphan", tick=None) if job.tick == me else job for job in state.jobs)
        after = replace(state.with_tick(me, Tick()), jobs=jobs, kills=state.kills + 1)
        unfair = any(job.place == "surplus" and job.crash_run for job in state.held(me))
        return Step(f"the poison kills tick {me}", after, HIT_WHILE_WAITING if unfair else None)

    def reap(self, state: State, n: int, job: Job) -> Step[State]:
        """That a job was alone need not be stored: from `alone_from` on it cannot have been claimed otherwise."""
        alone = job.crash_run >= self.alone_from or self.failed_by == "any crash"
        ends = alone and job.crash_run + 1 >= self.max_crashes
        after = state.with_job(n, place="failed" if ends else "pending", crash_run=job.crash_run + 1)
        return Step(f"the reaper finds {name(n)}", after)


def name(n: int) -> str:
    return "the poison" if n == POISON else f"innocent {n}"


def put(items: tuple[Any, ...], at: int, item: Any) -> tuple[Any, ...]:
    return (*items[:at], item, *items[at + 1 :])


HOLDS = {
    "one poison job and two innocent ones in one process": (Claim(innocents=2), 50_000),
    "one poison job and an innocent one in two processes": (Claim(ticks=2), 10_000),
    "one crash allowed, which still has to happen alone": (Claim(max_crashes=1), 2_000),
    "five crashes allowed, the last three of them alone": (Claim(max_crashes=5), 2_000),
}

MUTANTS = {
    "suspects claimed beside others": Mutant(Claim(suspects="beside others"), INNOCENT_FAILED),
    "suspects claimed by a tick that is idle but haunted": Mutant(Claim(suspects="in an idle tick"), INNOCENT_FAILED),
    "others claimed beside a suspect": Mutant(Claim(others_join_a_suspect=True), INNOCENT_FAILED),
    "any crash may fail a job": Mutant(Claim(failed_by="any crash", max_crashes=2), INNOCENT_FAILED),
    "a job that crashed once claimed ahead of a free slot": Mutant(
        Claim(crashed_once_may_wait=True), HIT_WHILE_WAITING
    ),
    "crash_run zeroed by a release": Mutant(Claim(zeroed_by=frozenset({"new checkpoint", "release"})), TOO_MANY_KILLS),
    "crash_run zeroed by a replay": Mutant(Claim(zeroed_by=frozenset({"new checkpoint", "replay"})), TOO_MANY_KILLS),
}
