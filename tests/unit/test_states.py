from __future__ import annotations

from typing import get_args

from tickover.domain.states import COUNTERS, STATES, TERMINAL, TRANSITIONS, Counter, State


def test_every_state_says_where_it_leads() -> None:
    assert set(TRANSITIONS) == set(STATES) == set(get_args(State))


def test_no_transition_leads_out_of_the_diagram() -> None:
    assert all(to <= set(STATES) for to in TRANSITIONS.values())


def test_no_state_leads_to_itself() -> None:
    assert all(state not in to for state, to in TRANSITIONS.items())


def test_every_state_is_reachable_from_pending() -> None:
    seen, todo = {"pending"}, ["pending"]
    while todo:
        new = {state for state in TRANSITIONS[todo.pop()] if state not in seen}  # type: ignore[index]  # a state
        seen |= new
        todo += new
    assert seen == set(STATES)


def test_every_unfinished_state_can_reach_an_end() -> None:
    for state in set(STATES) - TERMINAL:
        seen, todo = {state}, [state]
        while todo:
            new = TRANSITIONS[todo.pop()] - seen
            seen |= new
            todo += new
        assert seen & TERMINAL, state


def test_only_a_claim_starts_a_run() -> None:
    assert [state for state, to in TRANSITIONS.items() if "running" in to] == ["pending"]


def test_only_an_operators_retry_leads_out_of_an_end_and_never_out_of_completed() -> None:
    assert {state: TRANSITIONS[state] for state in TERMINAL} == {
        "completed": frozenset(),
        "failed": {"pending"},
        "cancelled": {"pending"},
    }


def test_every_unfinished_state_can_be_cancelled() -> None:
    assert all("cancelled" in TRANSITIONS[state] for state in set(STATES) - TERMINAL)


def test_the_counters_are_the_eight_ways_a_run_can_end() -> None:
    assert get_args(Counter) == COUNTERS
    assert set(COUNTERS) == {"completed", "failures", "crashes", "yields", "stalls", "parks", "released", "aborts"}
