"""Two verbs meet on one job: whatever the timing, it ends as if one had come after the other, and both know how."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.interleavings.arena import STATES, Arena, Situation
from tests.interleavings.verbs import VERBS, Verb
from tickover import Tickover
from tickover.store.sql_store import SqlStore

Result = tuple[dict[str, Any], tuple[str, str]]


@pytest.mark.parametrize("second", VERBS, ids=str)
@pytest.mark.parametrize("first", VERBS, ids=str)
def test_two_verbs_at_once_end_as_one_after_the_other(arena: Arena, first: Verb, second: Verb) -> None:
    met = 0
    for state in STATES:
        if not (_acts(arena, first, state) or _acts(arena, second, state)):
            continue  # neither changes such a job: there is no order to tell
        situation = arena.prepare(state)
        answers = arena.at_once(_inside(first, situation), _alone(second, situation))
        result = (arena.end(situation), _without(answers, situation.job))

        again = None
        if answers[1] == second.nothing:  # perhaps it stepped aside: then it gets the job when it looks again
            answers = (answers[0], second.alone(arena.second, situation))
            again = (arena.end(situation), _without(answers, situation.job))
        in_order = _serially(arena, first, second, state, swapped=False)
        if in_order not in (result, again):
            swapped = _serially(arena, first, second, state, swapped=True)
            assert result == swapped, f"{first}, {second} on a {state} job: {result}\nserially {in_order}\nor {swapped}"
        met += 1

    assert met > 0
    assert arena.deadlocks() == 0


def _serially(arena: Arena, first: Verb, second: Verb, state: str, *, swapped: bool) -> Result:
    situation = arena.prepare(state)
    answers = arena.one_after_the_other(state, _inside(first, situation), _alone(second, situation), swapped=swapped)
    return arena.end(situation), _without(answers, situation.job)


@cache
def _acts(arena: Arena, verb: Verb, state: str) -> bool:
    """Whether a verb alone changes a job in this state; a beat that renews does, though the row looks the same."""
    situation = arena.prepare(state)
    before = arena.end(situation)
    answer = arena._in_transaction(_inside(verb, situation))
    return before != arena.end(situation) or answer.startswith("held")


def _inside(verb: Verb, situation: Situation) -> Callable[[SqlStore], str]:
    return lambda store: verb.inside(store, situation)


def _alone(verb: Verb, situation: Situation) -> Callable[[Tickover], str]:
    return lambda jobs: verb.alone(jobs, situation)


def _without(answers: tuple[str, str], job: str) -> tuple[str, str]:
    return answers[0].replace(job, "it"), answers[1].replace(job, "it")
