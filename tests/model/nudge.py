"""Writers that commit a job and then ask whether a wake is needed, and a tick that answers: does a job stay unseen?

Models "Nudge" of the serverless design: one compare-and-set after the commit decides, and a tick clears the mark in a
statement that is committed before its claim is sent. There is no timer here: the rules must do without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from tests.model.checker import STUCK, Mutant, Step

MANY_WAKES = "two wakes were sent for one mark"


@dataclass(frozen=True, slots=True)
class State:
    """`unanswered` counts the wakes sent since a tick last cleared the mark."""

    jobs: tuple[str, ...]
    writers: tuple[str, ...]
    marked: bool = False
    wakes: int = 0
    unanswered: int = 0
    tick: str = "idle"
    #: What the snapshot of a statement under way can see.
    sees: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge:
    """The rules as they should be; a mutant differs in one argument."""

    writers: int = 3
    asks: Literal["after the commit", "before the commit"] = "after the commit"
    by: Literal["compare-and-set", "a look, then a mark"] = "compare-and-set"
    clears: Literal["before the claim", "in the claim", "after the claim", "never"] = "before the claim"

    def initial(self) -> State:
        return State(("absent",) * self.writers, ("new",) * self.writers)

    def broken(self, state: State) -> str | None:
        return MANY_WAKES if state.unanswered > 1 else None

    def ended(self, state: State) -> bool:
        return all(job == "done" for job in state.jobs)

    def steps(self, state: State) -> Iterator[Step[State]]:
        for n, phase in enumerate(state.writers):
            yield from self.write(state, n, phase)
        yield from self.tick(state)

    def write(self, state: State, n: int, phase: str) -> Iterator[Step[State]]:
        todo = ["commit", "ask"] if self.asks == "after the commit" else ["ask", "commit"]
        if self.by == "a look, then a mark":
            todo[todo.index("ask") : todo.index("ask") + 1] = ["look", "mark"]
        at = 0 if phase == "new" else int(phase.rpartition(" ")[2])
        if at == len(todo):
            return
        go_on = replace(state, writers=put(state.writers, n, f"did {at + 1}"))
        over = replace(state, writers=put(state.writers, n, f"did {len(todo)}"))
        match todo[at]:
            case "commit":
                yield Step(f"writer {n} commits", replace(go_on, jobs=put(state.jobs, n, "pending")))
            case "look":
                yield Step(f"writer {n} looks", over if state.marked and todo[-1] == "mark" else go_on)
            case "mark":
                yield Step(f"writer {n} marks and wakes", woken(go_on))
            case _:
                yield Step(f"writer {n} asks", go_on if state.marked else woken(go_on))

    def tick(self, state: State) -> Iterator[Step[State]]:
        pending = frozenset(n for n, job in enumerate(state.jobs) if job == "pending")
        if state.tick == "idle" and state.wakes:
            begun = replace(state, tick="begun", wakes=state.wakes - 1)
            if self.clears == "before the claim":
                begun = cleared(begun)
            yield Step("a tick begins", begun)
        elif state.tick == "begun":
            # A statement's snapshot is older than its end, and what it writes is seen by others only then.
            yield Step("its claim is sent", replace(state, tick="claiming", sees=pending))
        elif state.tick == "claiming":
            jobs = tuple("done" if n in state.sees else job for n, job in enumerate(state.jobs))
            done = replace(state, jobs=jobs, sees=frozenset(), tick="done")
            yield Step("its claim is answered", cleared(done) if self.clears == "in the claim" else done)
        elif state.tick == "done":
            ended = replace(state, tick="idle")
            yield Step("it ends", cleared(ended) if self.clears == "after the claim" else ended)


def woken(state: State) -> State:
    return replace(state, marked=True, wakes=state.wakes + 1, unanswered=state.unanswered + 1)


def cleared(state: State) -> State:
    return replace(state, marked=False, unanswered=0)


def put(items: tuple[Any, ...], at: int, item: Any) -> tuple[Any, ...]:
    return (*items[:at], item, *items[at + 1 :])


HOLDS = {
    "three writers and their ticks": (Nudge(), 200),
}

MUTANTS = {
    "a nudge before the commit": Mutant(Nudge(asks="before the commit"), STUCK),
    "a look and a mark in two statements": Mutant(Nudge(by="a look, then a mark"), MANY_WAKES),
    "the mark cleared in the claim's own statement": Mutant(Nudge(clears="in the claim"), STUCK),
    "the mark cleared after the claim": Mutant(Nudge(clears="after the claim"), STUCK),
    "the mark never cleared": Mutant(Nudge(clears="never"), STUCK),
}
