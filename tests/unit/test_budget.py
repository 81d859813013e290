from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover import Budget
from tickover.domain.budget import Window, claim_size, lease_seconds
from tickover.errors import InvalidArgument

lengths = st.floats(0.05, 86_400)
starts = st.integers(0, 10**9)


class LambdaContext:
    def __init__(self, milliseconds: int) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def test_a_budget_is_seconds_or_a_timedelta() -> None:
    assert Budget(30).seconds == Budget(timedelta(seconds=30)).seconds == 30.0


@pytest.mark.parametrize("wrong", [0, -1, 0.01, 86_401, math.nan, math.inf, True, "30"])
def test_a_budget_that_no_tick_can_have_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="Budget="):
        Budget(wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "5"])
def test_max_jobs_is_a_whole_number_from_1(wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="max_jobs= takes a whole number from 1"):
        Budget(30, max_jobs=wrong)


def test_a_margin_longer_than_the_budget_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="margin="):
        Budget(30, margin=31)


@pytest.mark.parametrize(("left_ms", "expected"), [(30_000, 30.0), (10, 0.05), (-5, 0.05)])
def test_a_lambdas_budget_is_what_its_context_says_is_left(left_ms: int, expected: float) -> None:
    assert Budget.from_lambda(LambdaContext(left_ms), max_jobs=7).seconds == expected


def test_a_budget_shows_what_it_is() -> None:
    assert repr(Budget(30, max_jobs=5)) == "Budget(30, max_jobs=5, margin=None)"


@given(lengths, starts, st.none() | st.floats(0, 1e5))
def test_a_window_stops_before_it_abandons_before_it_ends(length: float, start: int, margin: float | None) -> None:
    window = Window.of(Budget(length), start=start, margin=margin)

    assert window.start <= window.stop + 1e-6
    assert window.stop <= window.abandon <= window.end
    assert window.end == start + length
    assert window.length == window.stop - window.start


@pytest.mark.parametrize(
    ("length", "margin"),
    [(0.4, 0.1), (4, 1.0), (20, 1.5), (55, 2.75), (100, 5.0), (900, 10.0)],
)
def test_the_margin_is_5_percent_at_least_1_and_a_half_at_most_10_seconds_and_a_quarter(
    length: float, margin: float
) -> None:
    window = Window.of(Budget(length), start=0)

    assert window.end - window.stop == pytest.approx(margin)


def test_the_budgets_own_margin_beats_the_settings() -> None:
    assert Window.of(Budget(50, margin=20), start=0, margin=5).stop == 30
    assert Window.of(Budget(50), start=0, margin=5).stop == 45


def test_a_margin_of_nothing_uses_the_window_to_its_end() -> None:
    window = Window.of(Budget(50, margin=0), start=0)

    assert (window.stop, window.abandon) == (50, 50)


@given(lengths, st.floats(0, 1e5), st.floats(0, 100))
def test_a_cut_window_only_ever_shrinks(length: float, now: float, grace: float) -> None:
    window = Window.of(Budget(length), start=0)
    cut = window.cut(now, grace)

    assert (cut.start, cut.end) == (window.start, window.end)
    assert cut.stop <= min(window.stop, now)
    assert cut.abandon <= min(window.abandon, now + grace)


sizes = st.integers(0, 2000)
paces = st.floats(0, 1e6)


@given(st.integers(-5, 100), sizes, paces, st.none() | st.integers(0, 5000))
def test_a_claim_is_never_negative_and_never_more_than_max_jobs_allows(
    free: int, ahead: int, pace: float, left: int | None
) -> None:
    size = claim_size(free=free, ahead=ahead, pace=pace, left=left)

    assert size >= 0
    assert left is None or size <= left


@given(st.integers(1, 100), sizes, paces)
def test_a_claim_fills_every_free_slot(free: int, ahead: int, pace: float) -> None:
    assert claim_size(free=free, ahead=ahead, pace=pace, left=None) >= free


def test_a_tick_of_slow_jobs_claims_what_it_starts() -> None:
    assert claim_size(free=3, ahead=0, pace=1.0, left=None) == 3
    assert claim_size(free=0, ahead=0, pace=1.0, left=None) == 0


def test_a_tick_of_short_jobs_claims_a_quarter_of_a_second_ahead() -> None:
    assert claim_size(free=10, ahead=0, pace=1000.0, left=None) == 260


def test_no_tick_hoards_more_than_two_thousand() -> None:
    assert claim_size(free=10, ahead=0, pace=1e6, left=None) == 2010


def test_full_slots_claim_again_when_half_of_what_waits_is_used_and_not_in_dribbles() -> None:
    assert claim_size(free=0, ahead=200, pace=1000.0, left=None) == 0
    assert claim_size(free=0, ahead=125, pace=1000.0, left=None) == 125


@given(st.floats(0.2, 1e5), st.floats(0, 1e4), st.floats(-1e5, 1e5))
def test_a_lease_never_outlives_the_tick_and_its_grace(lease: float, grace: float, left: float) -> None:
    length = lease_seconds(lease=lease, grace=grace, left=left)

    assert 0.05 <= length <= max(0.05, lease)
    assert length <= max(0.05, left + grace)
