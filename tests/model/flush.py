"""Two transactions end jobs of one tree: in which order may they lock rows so that no two ever wait for each other?

Models rule 3 and decision 0028: jobs by id, then fan_outs by id, and parents, which come to light behind the fan_outs,
without waiting: who cannot have them at once gives everything back and begins again, with the parents among the jobs. A
transaction may end jobs of any levels, parents with their children too; and a job may be in both, because one tick may
have lost it without knowing, or because a cancel takes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

from tests.model.checker import STUCK, Mutant, Step

Row = str

# A fan_out of `d root` has two children, each with a fan_out of two children of its own. Ids sort in the order of these
# letters: mostly parents first, as ids do, but clocks differ.
FAN_OUT_OF = {"c 1": "fan_out 1", "e 2": "fan_out 1", "f 3": "fan_out 2", "g 4": "fan_out 2"}
FAN_OUT_OF |= {"a mid": "fan_out 0", "h mid": "fan_out 0"}
PARENT_OF = {"fan_out 0": "d root", "fan_out 1": "a mid", "fan_out 2": "h mid"}
JOBS = ("a mid", "c 1", "d root", "e 2", "f 3", "g 4", "h mid")


@dataclass(frozen=True, slots=True)
class Tick:
    """The rows a tick locks one after the other (None: nothing has arrived yet), and how many of them it has so far."""

    rows: tuple[Row, ...] | None = None
    parents: tuple[Row, ...] = ()  # what it wants behind those, at once or not at all
    has: int = 0
    done: bool = False

    @property
    def locked(self) -> tuple[Row, ...]:
        return (self.rows or ())[: self.has]


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
    parents: Literal["at once or again", "waited for"] = "at once or again"
    again: Literal["among the jobs", "before the jobs", "behind the fan_outs"] = "among the jobs"
    inbox: int = 2

    def initial(self) -> State:
        return State()

    def broken(self, state: State) -> None:
        return None  # the only wrong is a state without a way out: a deadlock

    def ended(self, state: State) -> bool:
        return all(tick.done for tick in state.ticks)

    def steps(self, state: State) -> Iterator[Step[State]]:
        for me, (tick, other) in enumerate((state.ticks, state.ticks[::-1])):
            for action, after in self.acts(tick, other, me):
                yield Step(f"tick {me} {action}", State((after, other) if me == 0 else (other, after)))

    def acts(self, tick: Tick, other: Tick, me: int) -> Iterator[tuple[str, Tick]]:
        if tick.rows is None:
            for size in range(1, self.inbox + 1):
                for jobs in permutations(JOBS, size):
                    yield f"has {', '.join(jobs)}", self.begins(jobs, me)
        elif tick.has < len(tick.rows):
            if (row := tick.rows[tick.has]) not in other.locked:
                yield f"locks {row}", Tick(tick.rows, tick.parents, tick.has + 1)
        elif not tick.done:
            if set(tick.parents) & set(other.locked):
                yield "begins again", self.begins_again(tick)
            else:  # it has them until its COMMIT, which is the same moment: it waits for nothing in between
                yield "commits", Tick(tick.rows, done=True)

    def begins(self, jobs: tuple[Row, ...], me: int) -> Tick:
        fan_outs = [FAN_OUT_OF[job] for job in jobs if job in FAN_OUT_OF]
        parents = tuple(sorted({PARENT_OF[fan_out] for fan_out in fan_outs} - set(jobs)))
        phases = [ordered(jobs, self.jobs), ordered(fan_outs, self.fan_outs)]
        if me == 1 and self.first_of_second_tick == "fan_outs":
            phases.reverse()
        rows = tuple(dict.fromkeys(row for phase in phases for row in phase))
        return Tick(rows + parents) if self.parents == "waited for" else Tick(rows, parents)

    def begins_again(self, tick: Tick) -> Tick:
        rows = tick.rows or ()
        jobs, fan_outs = ([row for row in rows if (row in JOBS) is kind] for kind in (True, False))
        match self.again:
            case "among the jobs":
                return Tick((*sorted((*jobs, *tick.parents)), *fan_outs))
            case "before the jobs":
                return Tick((*tick.parents, *jobs, *fan_outs))
            case "behind the fan_outs":
                return Tick((*jobs, *fan_outs, *tick.parents))


def ordered(rows: Iterable[Row], how: Literal["by id", "as they arrived"]) -> list[Row]:
    return sorted(rows) if how == "by id" else list(rows)


HOLDS = {
    "jobs by id, then fan_outs by id, parents at once or again among the jobs": (Flush(), 40_000),
}

MUTANTS = {
    "jobs locked in the order they arrived": Mutant(Flush(jobs="as they arrived"), STUCK),
    "fan_outs locked in the order they arrived": Mutant(Flush(fan_outs="as they arrived"), STUCK),
    "one of the ticks locks fan_outs before jobs": Mutant(Flush(first_of_second_tick="fan_outs"), STUCK),
    "a parent is waited for behind the fan_outs": Mutant(Flush(parents="waited for"), STUCK),
    "parents locked before the jobs the second time": Mutant(Flush(again="before the jobs"), STUCK),
    "parents locked behind the fan_outs the second time": Mutant(Flush(again="behind the fan_outs"), STUCK),
}
