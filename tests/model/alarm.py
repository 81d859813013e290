"""Two jobs for later, the alarms that are set for them, and ticks that may be killed: is anything due without a wake?

Models "Alarm" of the serverless design: look whether one comes in time, make the alarm, and only then let the row say
so; never change one or take one back; the row holds the instants between which it may ring, and is believed only while
the first is ahead and the last is early enough; a tick that claimed sets one as its dead man's switch before its first
job. The safety tick is left out on purpose: the rules must do without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from tests.model.checker import Mutant, Step

LATE = "a job was due, and time went by with no wake on its way"
_END = 6


@dataclass(frozen=True, slots=True)
class Actor:
    """A writer or a tick: what it does next, the instant it arms for, and the first at which its alarm may ring."""

    phase: str = "new"
    at: int = 0
    first: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """`alarms` are (for, rings at); `armed` is the row: the first and the last instant at which its alarm may ring."""

    jobs: tuple[tuple[str, int], ...]
    writers: tuple[Actor, ...]
    tick: Actor = Actor("idle")
    now: int = 0
    wakes: int = 0
    alarms: frozenset[tuple[int, int]] = frozenset()
    armed: tuple[int, int] = (0, 0)
    kills: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """The rules as they should be; a mutant differs in one argument."""

    due: tuple[int, ...] = (3, 2)
    kills: int = 0
    order: Literal["alarm, then row", "row, then alarm"] = "alarm, then row"
    superseded: Literal["left alone", "taken back"] = "left alone"
    enough: Literal["comes by then", "comes at all"] = "comes by then"
    row: Literal["first and last", "first", "last"] = "first and last"
    rings_early: bool = False
    exit_arms: bool = True
    guard: bool = True

    def initial(self) -> State:
        return State(tuple(("absent", at) for at in self.due), (Actor(),) * len(self.due))

    def broken(self, state: State) -> str | None:
        return None

    def ended(self, state: State) -> bool:
        return all(where == "done" for where, _ in state.jobs)

    def steps(self, state: State) -> Iterator[Step[State]]:
        for n, actor in enumerate(state.writers):
            if actor.phase == "new":
                written = replace(state, jobs=put(state.jobs, n, ("pending", state.jobs[n][1])))
                yield Step(f"writer {n} commits", writer(written, n, Actor("look", state.jobs[n][1])))
            for name, after, next_actor in self.arm(state, actor):
                yield Step(f"writer {n} {name}", writer(after, n, next_actor))
        yield from self.tick(state)
        if state.now < _END or any(where == "pending" and at > state.now for where, at in state.jobs):
            yield self.pass_time(state)

    def arm(self, state: State, actor: Actor) -> Iterator[tuple[str, State, Actor]]:
        """The protocol of one who wants to be woken at `actor.at`."""
        over, at = Actor("over"), actor.at
        if actor.phase == "look":
            first, last = state.armed
            enough = first > state.now and (self.enough == "comes at all" or last <= at)
            make = "make" if self.order == "alarm, then row" else "note"
            yield "looks", state, over if enough else Actor(make, at)
        elif actor.phase == "make":
            early = self.rings_early and at - 1 > state.now
            first = at - 1 if early and self.row != "last" else at
            for rings in {at, at - 1} if early else {max(at, state.now)}:
                made = replace(state, alarms=state.alarms | {(at, rings)})
                if rings <= state.now:
                    made = replace(state, wakes=min(3, state.wakes + 1))
                yield "makes an alarm", made, Actor("note", at, first) if self.order == "alarm, then row" else over
        elif actor.phase == "note":
            keep = state.now < state.armed[0] and state.armed[1] <= at
            first = actor.first or at
            noted = state if keep else replace(state, armed=(first, first if self.row == "first" else at))
            if self.order == "row, then alarm":
                yield "notes one", noted, Actor("make", at)
                yield "notes one and dies", noted, over
            elif self.superseded == "taken back" and not keep and state.armed[0] > state.now:
                yield "notes it", noted, Actor("take back", state.armed[1])
            else:
                yield "notes it", noted, over
        elif actor.phase == "take back":
            yield (
                "takes the later one back",
                replace(state, alarms=frozenset(a for a in state.alarms if a[0] != at)),
                over,
            )

    def tick(self, state: State) -> Iterator[Step[State]]:
        actor = state.tick
        ready = [n for n, (where, at) in enumerate(state.jobs) if where == "pending" and at <= state.now]
        if actor.phase == "idle" and state.wakes:
            yield Step("a wake starts a tick", replace(state, wakes=state.wakes - 1, tick=Actor("claim")))
        elif actor.phase == "claim" and ready:
            jobs = tuple(("running", at) if n in ready else (where, at) for n, (where, at) in enumerate(state.jobs))
            lease = state.now + 1  # the dead man's switch rings when the leases are over
            yield Step(
                "it claims", replace(state, jobs=jobs, tick=Actor("look", lease) if self.guard else Actor("over"))
            )
        elif actor.phase in {"claim", "leave"}:
            times = [at for where, at in state.jobs if where == "pending"]
            wants = bool(times) and self.exit_arms
            yield Step("it leaves", replace(state, tick=Actor("look last", min(times)) if wants else Actor("idle")))
        elif actor.phase == "over":
            running = {n for n, (where, _) in enumerate(state.jobs) if where == "running"}
            done = tuple(("done", at) if n in running else (where, at) for n, (where, at) in enumerate(state.jobs))
            yield Step("it runs its jobs", replace(state, jobs=done, tick=Actor("leave")))
            if state.kills < self.kills:
                back = tuple(("pending", state.now + 1) if n in running else job for n, job in enumerate(state.jobs))
                yield Step("it is killed", replace(state, jobs=back, tick=Actor("idle"), kills=state.kills + 1))
        elif actor.phase != "idle":
            last = actor.phase.endswith(" last")
            plain = replace(actor, phase=actor.phase.removesuffix(" last"))
            for name, after, following in self.arm(state, plain):
                end = Actor("idle") if last else Actor("over")
                more = replace(following, phase=f"{following.phase} last") if last else following
                yield Step(f"it {name}", replace(after, tick=end if following.phase == "over" else more))

    def pass_time(self, state: State) -> Step[State]:
        to = state.now + 1
        ringing = frozenset(alarm for alarm in state.alarms if alarm[1] <= to)
        after = replace(state, now=to, wakes=min(3, state.wakes + len(ringing)), alarms=state.alarms - ringing)
        watched = state.wakes or state.tick.phase != "idle" or any(a.phase != "over" for a in state.writers)
        waiting = any(where == "pending" and at <= state.now for where, at in state.jobs)
        return Step(f"it is {to}", after, LATE if waiting and not watched else None)


def writer(state: State, n: int, actor: Actor) -> State:
    return replace(state, writers=put(state.writers, n, actor))


def put(items: tuple[Any, ...], at: int, item: Any) -> tuple[Any, ...]:
    return (*items[:at], item, *items[at + 1 :])


HOLDS = {
    "two jobs for later": (Alarm(), 500),
    "two jobs for later, and alarms that may ring early": (Alarm(rings_early=True), 500),
    "two jobs for later and a tick that is killed": (Alarm(kills=1), 1000),
}

MUTANTS = {
    "the row before the alarm": Mutant(Alarm(order="row, then alarm"), LATE),
    "a superseded alarm taken back": Mutant(Alarm(superseded="taken back"), LATE),
    "an alarm that comes too late is enough": Mutant(Alarm(enough="comes at all"), LATE),
    "the row holds only the last instant at which its alarm may ring": Mutant(
        Alarm(rings_early=True, row="last"), LATE
    ),
    "the row holds only the first": Mutant(Alarm(rings_early=True, row="first"), LATE),
    "a tick ends without an alarm": Mutant(Alarm(exit_arms=False, guard=False), LATE),
    "no dead man's switch": Mutant(Alarm(kills=1, guard=False), LATE),
}
