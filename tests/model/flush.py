"""Two ticks flush jobs of one tree: in which order may a transaction lock rows so that no two ever wait for each other?

Models rule 3 (a flush locks its jobs by id, then their fan_outs by id, then the parents by id, whatever order the inbox
was filled in) and rule 7 (one transaction holds jobs of one tree level and walks upward only). A job may be in both
inboxes, because one tick may have lost it without knowing.

Why one level: a parent that was paused and resumed runs again while its children still run. Its tick flushes it with
one of them and holds the parent while it waits for the fan_out; a tick that settles the other child holds the fan_out
and waits for the parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

from tests.model.checker import STUCK, Mutant, Step

Row = str
Transaction = tuple[Row, ...]  # the rows it locks, one at a time, until COMMIT frees them all

# A fan_out of `root` has two children, each with a fan_out of two children of its own. Ids sort in this order.
FAN_OUT_OF = {"job 1": "fan_out 1", "job 2": "fan_out 1", "job 3": "fan_out 2", "job 4": "fan_out 2"}
FAN_OUT_OF |= {"mid 1": "fan_out 0", "mid 2": "fan_out 0"}
PARENT_OF = {"fan_out 0": "root", "fan_out 1": "mid 1", "fan_out 2": "mid 2"}
DEPTH = {"root": 0, "mid 1": 1, "mid 2": 1, "job 1": 2, "job 2": 2, "job 3": 2, "job 4": 2}


@dataclass(frozen=True, slots=True)
class Tick:
    """The transactions a tick still has to send (None: nothing has arrived yet), and the rows it has locked so far."""

    plan: tuple[Transaction, ...] | None = None
    locked: Transaction = ()


@dataclass(frozen=True, slots=True)
class State:
    """Nothing but the ticks: a row is free unless one of them has locked it."""

    ticks: tuple[Tick, Tick] = (Tick(), Tick())


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """The lock order as it should be; a mutant differs in one argument."""

    jobs: Literal["by id", "as they arrived"] = "by id"
    fan_outs: Literal["by id", "as they arrived"] = "by id"
    first_of_second_tick: Literal["jobs", "fan_outs"] = "jobs"
    levels: Literal["apart", "together"] = "apart"
    inbox: int = 2

    def initial(self) -> State:
        return State()

    def broken(self, state: State) -> None:
        return None  # the only wrong is a state without a way out: a deadlock

    def ended(self, state: State) -> bool:
        return all(tick.plan == () for tick in state.ticks)

    def steps(self, state: State) -> Iterator[Step[State]]:
        for me, (tick, other) in enumerate((state.ticks, state.ticks[::-1])):
            for action, after in self.acts(tick, other, me):
                yield Step(f"tick {me} {action}", State((after, other) if me == 0 else (other, after)))

    def acts(self, tick: Tick, other: Tick, me: int) -> Iterator[tuple[str, Tick]]:
        if tick.plan is None:
            for size in range(1, self.inbox + 1):
                for jobs in permutations(DEPTH, size):
                    yield f"has {', '.join(jobs)}", Tick(tuple(self.transactions(jobs, me)))
        elif tick.plan:
            rows, *rest = tick.plan
            if tick.locked == rows:
                yield "commits", Tick(tuple(rest))
            elif (row := rows[len(tick.locked)]) not in other.locked:
                yield f"locks {row}", Tick(tick.plan, (*tick.locked, row))

    def transactions(self, jobs: tuple[Row, ...], me: int) -> Iterator[Transaction]:
        levels = sorted({DEPTH[job] for job in jobs}, reverse=True) if self.levels == "apart" else [None]
        for level in levels:
            together = [job for job in jobs if level in {None, DEPTH[job]}]
            fan_outs = [FAN_OUT_OF[job] for job in together if job in FAN_OUT_OF]
            parents = sorted(PARENT_OF[fan_out] for fan_out in fan_outs)
            phases = [ordered(together, self.jobs), ordered(fan_outs, self.fan_outs)]
            if me == 1 and self.first_of_second_tick == "fan_outs":
                phases.reverse()
            yield tuple(dict.fromkeys(row for phase in (*phases, parents) for row in phase))


def ordered(rows: Iterable[Row], how: Literal["by id", "as they arrived"]) -> list[Row]:
    return sorted(rows) if how == "by id" else list(rows)


HOLDS = {
    "jobs, then fan_outs, then parents, by id, one tree level at a time": (Flush(inbox=3), 50_000),
}

MUTANTS = {
    "jobs locked in the order they arrived": Mutant(Flush(jobs="as they arrived"), STUCK),
    "fan_outs locked in the order they arrived": Mutant(Flush(fan_outs="as they arrived"), STUCK),
    "one of the ticks locks fan_outs before jobs": Mutant(Flush(first_of_second_tick="fan_outs"), STUCK),
    "a parent and its child flushed in one transaction": Mutant(Flush(levels="together"), STUCK),
}
