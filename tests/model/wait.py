"""One job that waits for a message, one sender, an operator: no wake is lost, and none comes for something else.

Models rule 5: whoever waits locks its row, looks in a later statement, and then parks or goes on; whoever wakes locks
the row by id alone, and tests state and reference in a later statement. And "Pause": a park that meets a pause lands in
`paused`, a wake acts there too, and a resumed waiter looks again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from tests.model.checker import STUCK, Mutant, Step

JobState = Literal["running", "waiting", "pending", "paused", "completed"]

WOKEN_FOR_NOTHING = "a job that waits for something else was woken"


@dataclass(frozen=True, slots=True)
class State:
    """`seen` and `tested` are what a statement's snapshot holds; a snapshot is older than the lock it waits for."""

    job: JobState = "running"
    came_from: JobState | None = None
    pausing: bool = False
    lock: Literal["tick", "sender"] | None = None
    message: Literal["unsent", "sent", "read"] = "unsent"
    tick: Literal["between", "asks for the lock", "holds", "looked"] = "between"
    seen: bool = False
    sender: Literal["idle", "asks for the lock", "holds", "done"] = "idle"
    tested: bool = False
    pauses: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The rules as they should be; a mutant differs in one argument."""

    look: Literal["behind the lock", "in the locking statement"] = "behind the lock"
    test: Literal["behind the lock", "in the locking statement"] = "behind the lock"
    wakes_paused: bool = True
    resume_to: Literal["pending", "waiting"] = "pending"

    def initial(self) -> State:
        return State()

    def broken(self, state: State) -> None:
        return None  # what is wrong is a step, or a state without a way out

    def ended(self, state: State) -> bool:
        return state.job == "completed"

    def steps(self, state: State) -> Iterator[Step[State]]:
        yield from self.waits(state)
        yield from self.sends(state)
        yield from self.operates(state)

    def waits(self, state: State) -> Iterator[Step[State]]:
        """The job's tick: reads the message or parks, in one transaction that holds the row."""
        match state.tick:
            case "between" if state.job == "pending" and state.lock is None:
                yield Step("a tick claims the job", replace(state, job="running", came_from=None))
            case "between" if state.job == "running":
                # Its statement begins: what it sees is what is committed now.
                yield Step("the tick looks", replace(state, tick="asks for the lock", seen=self.committed(state)))
            case "asks for the lock" if state.lock is None:
                yield Step("the tick has the row", replace(state, tick="holds", lock="tick"))
            case "holds":
                there = self.committed(state) if self.look == "behind the lock" else state.seen
                yield Step("the tick has looked", replace(state, tick="looked", seen=there))
            case "looked" if state.seen:
                yield Step(
                    "it is there: done", replace(state, tick="between", lock=None, job="completed", message="read")
                )
            case "looked":
                parked: JobState = "paused" if state.pausing else "waiting"
                after = replace(state, tick="between", lock=None, job=parked, pausing=False)
                yield Step("it is not there: parked", replace(after, came_from="waiting" if state.pausing else None))

    def committed(self, state: State) -> bool:
        return state.message == "sent" and state.sender == "done"

    def sends(self, state: State) -> Iterator[Step[State]]:
        """The sender: locks the row, keeps the message, tests the row, wakes; then COMMIT."""
        match state.sender:
            case "idle":
                yield Step("the sender begins", replace(state, sender="asks for the lock", tested=self.parked(state)))
            case "asks for the lock" if state.lock is None:
                yield Step("the sender has the row", replace(state, sender="holds", lock="sender"))
            case "holds":
                finds = self.parked(state) if self.test == "behind the lock" else state.tested
                yield Step(
                    "the sender commits", self.woken(replace(state, sender="done", lock=None, message="sent"), finds)
                )

    def parked(self, state: State) -> bool:
        return state.job == "waiting" or (self.wakes_paused and state.job == "paused" and state.came_from == "waiting")

    def woken(self, state: State, finds: bool) -> State:
        if not finds:
            return state
        if state.job == "paused":
            return replace(state, came_from="pending")
        return replace(state, job="pending")

    def operates(self, state: State) -> Iterator[Step[State]]:
        """Pauses once, at any moment at which the row is free, and resumes."""
        if state.lock is not None:
            return
        if state.pauses and state.job == "running":
            yield Step("a pause is asked for", replace(state, pausing=True, pauses=0))
        if state.pauses and state.job in ("waiting", "pending"):
            yield Step("paused", replace(state, job="paused", came_from=state.job, pauses=0))
        if state.pausing:
            yield Step("the pause is taken back", replace(state, pausing=False))
        if state.job == "paused":
            to = self.resume_to if state.came_from == "waiting" else "pending"
            yield Step("resumed", replace(state, job=to, came_from=None))


@dataclass(frozen=True, slots=True)
class Later:
    """A job that waited for a fan-out that was decided early, went on, and waits for something else now."""

    awaits: Literal["first", "second"] = "first"
    job: Literal["waiting", "running", "completed"] = "waiting"
    decided: bool = False
    ended: int = 0
    second_is_there: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """A wake says for what; a straggler of an earlier fan-out must not wake who waits for a later thing."""

    tested: bool = True
    one_verdict: bool = True

    def initial(self) -> Later:
        return Later()

    def broken(self, state: Later) -> None:
        return None

    def ended(self, state: Later) -> bool:
        return state.job == "completed"

    def steps(self, state: Later) -> Iterator[Step[Later]]:
        if state.ended < 2:  # fail_fast: the first that fails decides, the second is a straggler
            after = replace(state, ended=state.ended + 1, decided=True)
            wakes = not (self.one_verdict and state.decided) and state.job == "waiting"
            if wakes and (not self.tested or state.awaits == "first"):
                wrong = WOKEN_FOR_NOTHING if state.awaits == "second" else None
                yield Step("a child fails and wakes the parent", replace(after, job="running"), wrong)
            else:
                yield Step("a child fails", after)
        if state.job == "running" and state.awaits == "first":
            yield Step("the parent waits for something else", replace(state, awaits="second", job="waiting"))
        elif state.job == "running":
            yield Step("the parent ends", replace(state, job="completed"))
        if not state.second_is_there:
            job: Literal["waiting", "running", "completed"] = (
                "running" if state.job == "waiting" and state.awaits == "second" else state.job
            )
            if state.awaits == "second":
                yield Step("what it waits for comes", replace(state, second_is_there=True, job=job))


HOLDS = {
    "a wait, a wake and a pause": (Wait(), 60),
    "a wake for one thing and a wait for another": (References(), 5),
}

MUTANTS = {
    "the look sees what its locking statement saw": Mutant(Wait(look="in the locking statement"), STUCK),
    "the wake tests what its locking statement saw": Mutant(Wait(test="in the locking statement"), STUCK),
    "a wake passes over paused ones, which wait again when resumed": Mutant(
        Wait(wakes_paused=False, resume_to="waiting"), STUCK
    ),
    "a wake does not say for what, and each straggler decides again": Mutant(
        References(tested=False, one_verdict=False), WOKEN_FOR_NOTHING
    ),
}
