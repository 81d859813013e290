"""The checker itself, on models small enough to be checked by eye."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from tests.model.checker import STUCK, Step, Verdict, explore


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Start at 0; every edge of the graph is a step named after where it leads."""

    edges: dict[int, list[int]] = field(default_factory=dict)
    forbidden: int | None = None
    end: Callable[[int], bool] = lambda _: True

    def initial(self) -> int:
        return 0

    def steps(self, state: int) -> Iterable[Step[int]]:
        return (Step(f"to {to}", to) for to in self.edges.get(state, []))

    def broken(self, state: int) -> str | None:
        return "forbidden" if state == self.forbidden else None

    def ended(self, state: int) -> bool:
        return self.end(state)


def test_a_model_that_holds_is_counted_state_by_state() -> None:
    assert explore(Numbers(edges={0: [1, 2], 1: [0, 2], 2: [2]})) == Verdict(3)


def test_a_violation_comes_with_a_shortest_trace() -> None:
    detour = Numbers(edges={0: [1, 2], 1: [3], 2: [9], 3: [9]}, forbidden=9)
    assert explore(detour) == Verdict(5, "forbidden", ("to 2", "to 9"))


def test_the_first_state_may_already_be_wrong() -> None:
    assert explore(Numbers(forbidden=0)) == Verdict(1, "forbidden", ())


def test_an_action_can_be_wrong_whatever_state_it_leads_to() -> None:
    class Trespass(Numbers):
        def steps(self, state: int) -> Iterable[Step[int]]:
            return [Step("trespass", 0, "trespassed")]

    assert explore(Trespass()) == Verdict(1, "trespassed", ("trespass",))


def test_a_deadlock_is_a_violation() -> None:
    assert explore(Numbers(edges={0: [1, 2]}, end=lambda n: n == 1)) == Verdict(3, STUCK, ("to 2",))


def test_a_loop_without_a_way_out_is_a_violation() -> None:
    assert explore(Numbers(edges={0: [1, 2], 2: [3], 3: [2]}, end=lambda n: n == 1)) == Verdict(4, STUCK, ("to 2",))


def test_a_loop_with_a_way_out_is_none() -> None:
    assert explore(Numbers(edges={0: [2], 2: [3], 3: [2, 1]}, end=lambda n: n == 1)) == Verdict(4)


def test_a_model_without_bounds_is_refused() -> None:
    class Counter(Numbers):
        def steps(self, state: int) -> Iterable[Step[int]]:
            return [Step("count", state + 1)]

    with pytest.raises(OverflowError, match="more than 100 states"):
        explore(Counter(), limit=100)
