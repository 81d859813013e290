"""Two children that end at once, a reaper that takes one back, a parent that looks: it runs again, once, and all count.

Models rule 6: a child's end adds to the counters in its own transaction, behind the fan-out's lock; the verdict is
given once; the parent is locked by id and tested in a later statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from tests.model.checker import STUCK, Mutant, Step

RESUMED_TWICE = "a parent was resumed twice for one fan-out"
MISCOUNTED = "the counter is not the number of children that have ended"
Phase = Literal["running", "asks for the fan-out", "counts", "asks for the parent", "wakes", "ended"]


@dataclass(frozen=True, slots=True)
class Child:
    """Its end's transaction; `saw` and `parked` are what a snapshot older than a lock holds."""

    phase: Phase = "running"
    saw: int = 0
    parked: bool = False
    #: Its process died after the COMMIT, so somebody else may try to end it again.
    again: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Locks are held until COMMIT by the child of that number; 2 is the parent's own tick."""

    children: tuple[Child, Child] = (Child(), Child())
    fan_out_lock: int | None = None
    parent_lock: int | None = None
    counter: int = 0
    committed: int = 0
    decided: bool = False
    parent: Literal["waiting", "running", "looked", "pending", "completed"] = "waiting"
    seen: bool = False
    resumes: int = 0
    stirs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FanIn:
    """The rules as they should be; a mutant differs in one argument."""

    counts: Literal["a counter", "the siblings"] = "a counter"
    flip: Literal["behind the lock", "with the counter"] = "behind the lock"
    fenced: bool = True
    verdict: Literal["once", "by each that finds it full"] = "once"
    looks: bool = True

    def initial(self) -> State:
        return State()

    def broken(self, state: State) -> str | None:
        if state.resumes > 1:
            return RESUMED_TWICE
        return MISCOUNTED if state.counter > 2 else None

    def ended(self, state: State) -> bool:
        return state.parent == "completed" and all(child.phase == "ended" for child in state.children)

    def steps(self, state: State) -> Iterator[Step[State]]:
        for me, child in enumerate(state.children):
            yield from self.ends(state, me, child)
        yield from self.parents(state)

    def ends(self, state: State, me: int, child: Child) -> Iterator[Step[State]]:
        match child.phase:
            case "running":
                # The statement that will wait for the fan-out's lock begins: its snapshot is from now.
                begun = replace(
                    child, phase="asks for the fan-out", saw=state.committed, parked=state.parent == "waiting"
                )
                yield Step(f"child {me} ends", become(state, me, begun))
            case "asks for the fan-out" if state.fan_out_lock is None or self.counts == "the siblings":
                lock = me if self.counts == "a counter" else None
                yield Step(
                    f"child {me} has the fan-out",
                    become(replace(state, fan_out_lock=lock), me, replace(child, phase="counts")),
                )
            case "counts":
                after = replace(state, counter=state.counter + 1)
                full = (child.saw + 1 if self.counts == "the siblings" else after.counter) >= 2
                decides = full and (self.verdict != "once" or not state.decided)
                if decides:
                    yield Step(
                        f"child {me} decides",
                        become(replace(after, decided=True), me, replace(child, phase="asks for the parent")),
                    )
                else:
                    yield Step(f"child {me} counts and commits", self.committed(after, me, child))
            case "asks for the parent" if state.parent_lock is None:
                yield Step(
                    f"child {me} has the parent",
                    become(replace(state, parent_lock=me), me, replace(child, phase="wakes")),
                )
            case "wakes":
                parked = state.parent == "waiting" if self.flip == "behind the lock" else child.parked
                woken = replace(state, parent="pending", resumes=state.resumes + 1) if parked else state
                yield Step(f"child {me} commits", self.committed(replace(woken, parent_lock=None), me, child))
            case "ended" if child.again and not self.fenced:
                yield Step(
                    f"the reaper ends child {me} again",
                    become(state, me, Child(phase="asks for the fan-out", saw=state.committed)),
                )

    def committed(self, state: State, me: int, child: Child) -> State:
        over = replace(child, phase="ended", again=not child.again and me == 0 and child == state.children[0])
        return become(replace(state, fan_out_lock=None, committed=state.committed + 1), me, over)

    def parents(self, state: State) -> Iterator[Step[State]]:
        """It may be stirred once while it waits, by a pause and a resume: then it looks, and parks again."""
        if state.parent == "waiting" and state.stirs and state.parent_lock is None:
            yield Step("the parent is stirred", replace(state, parent="running", stirs=0))
        if state.parent == "pending":
            yield Step("the parent goes on", replace(state, parent="completed"))
        if state.parent == "running" and state.parent_lock is None:
            # Its row is locked: what was decided and committed before is seen now.
            seen = self.looks and state.decided and state.fan_out_lock is None
            yield Step("the parent looks", replace(state, parent="looked", parent_lock=2, seen=seen))
        if state.parent == "looked":
            on = replace(state, parent_lock=None, parent="completed" if state.seen else "waiting")
            yield Step("the parent goes on" if state.seen else "the parent parks again", on)


def become(state: State, me: int, child: Child) -> State:
    return replace(state, children=(child, state.children[1]) if me == 0 else (state.children[0], child))


HOLDS = {
    "two children that end at once and a parent that looks": (FanIn(), 60),
}

MUTANTS = {
    "children are counted instead of a counter": Mutant(FanIn(counts="the siblings"), STUCK),
    "the flip sees what the counting statement saw": Mutant(FanIn(flip="with the counter"), STUCK),
    "a child that was taken back counts again": Mutant(FanIn(fenced=False), MISCOUNTED),
    "a parent that is stirred parks without a look": Mutant(FanIn(looks=False), STUCK),
}
