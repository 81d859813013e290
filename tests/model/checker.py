"""A breadth-first model checker: it visits every reachable state of a small model, or finds a shortest way to break it.

The models beside this file are the rules of the design in executable form. Each names its rules, and for each rule a
mutant: the same model without it, which has to be refuted, so that a model that cannot fail is not mistaken for proof.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

S = TypeVar("S", bound=Hashable)

STUCK = "stuck: no end can be reached from here"


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """One atomic action of one actor, the state after it, and the rule that taking it breaks, if it breaks one."""

    action: str
    state: S
    broken: str | None = None


class Model(Protocol[S]):
    """A system as its first state and the steps out of any state; delays are the steps other actors take meanwhile."""

    def initial(self) -> S:
        """The state everything starts from."""

    def steps(self, state: S) -> Iterable[Step[S]]:
        """All that may happen next. Whatever bounds the model (claims, kills) bounds it here."""

    def broken(self, state: S) -> str | None:
        """The rule this state breaks: what must be true at every moment."""

    def ended(self, state: S) -> bool:
        """Whether this is a good end. One must stay within reach of every state: no deadlock, no lost wake-up."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many states were seen, and the rule that was broken with the shortest sequence of actions that breaks it."""

    states: int
    violation: str | None = None
    trace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mutant:
    """A model with one rule taken out, and the violation that must follow."""

    model: Model[Any]
    breaks: str


def explore(model: Model[S], *, limit: int = 1_000_000) -> Verdict:
    """Visit every reachable state, nearest first.

    Returns:
        The first violation with a shortest trace to it: a forbidden state or action, else a state without a way out.

    Raises:
        OverflowError: the model has more than `limit` states, so it is probably not bounded.
    """
    states = [model.initial()]
    number = {states[0]: 0}  # states are hashed once and known by number from then on
    reached_by: list[tuple[int, str]] = [(0, "")]
    comes_from: list[list[int]] = [[]]

    def trace(at: int, *last: str) -> tuple[str, ...]:
        actions = list(reversed(last))
        while at:
            at, action = reached_by[at]
            actions.append(action)
        return tuple(reversed(actions))

    for at, state in enumerate(states):  # the list grows while it is read: it is the queue of the search
        if rule := model.broken(state):
            return Verdict(len(states), rule, trace(at))
        for step in model.steps(state):
            if step.broken:
                return Verdict(len(states), step.broken, trace(at, step.action))
            to = number.setdefault(step.state, len(states))
            if to == len(states):
                states.append(step.state)
                reached_by.append((at, step.action))
                comes_from.append([])
            comes_from[to].append(at)
        if len(states) > limit:
            raise OverflowError(f"more than {limit} states")

    hopeful = {at for at, state in enumerate(states) if model.ended(state)}
    backward = deque(hopeful)
    while backward:
        found = set(comes_from[backward.popleft()]) - hopeful
        hopeful |= found
        backward.extend(found)
    lost = next((at for at in range(len(states)) if at not in hopeful), None)
    return Verdict(len(states)) if lost is None else Verdict(len(states), STUCK, trace(lost))
