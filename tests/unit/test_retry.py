from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import samples
from tickover.domain.retry import (
    DEFAULT_BACKOFF,
    ExponentialBackoff,
    crash_delay,
    deferral_delay,
    deferred_for,
    seconds,
)
from tickover.errors import InvalidArgument

dice = st.floats(0, 1, exclude_max=True)
attempts = st.integers(0, 10**6)


@given(attempts, dice)
def test_the_default_wait_is_positive_and_capped_for_every_attempt(attempt: int, roll: float) -> None:
    assert 0.9 <= DEFAULT_BACKOFF.delay(attempt, dice=roll) <= 66


@given(samples.backoffs, attempts, dice)
def test_no_backoff_overflows_or_exceeds_its_maximum(backoff: ExponentialBackoff, attempt: int, roll: float) -> None:
    wait = backoff.delay(attempt, dice=roll)

    assert math.isfinite(wait)
    assert 0 <= wait <= backoff.maximum * (1 + backoff.jitter) * (1 + 1e-9)


@given(samples.backoffs, attempts, dice)
def test_jitter_stays_within_its_share(backoff: ExponentialBackoff, attempt: int, roll: float) -> None:
    middle = backoff.delay(attempt, dice=0.5)

    assert abs(backoff.delay(attempt, dice=roll) - middle) <= middle * backoff.jitter * (1 + 1e-9) + 1e-12


@given(samples.backoffs, attempts)
def test_waits_never_shrink(backoff: ExponentialBackoff, attempt: int) -> None:
    assert backoff.delay(attempt + 1, dice=0.5) >= backoff.delay(attempt, dice=0.5) * (1 - 1e-9)


def test_without_jitter_the_wait_is_the_formula() -> None:
    backoff = ExponentialBackoff(initial=3, factor=1.5, maximum=100, jitter=0)

    assert [round(backoff.delay(n, dice=0.9), 6) for n in (1, 2, 3)] == [4.5, 6.75, 10.125]
    assert backoff.delay(10**6, dice=0.9) == 100


def test_a_full_jitter_spreads_from_nothing_to_twice_the_wait() -> None:
    backoff = ExponentialBackoff(jitter=1)

    assert backoff.delay(1, dice=0) == 0
    assert backoff.delay(1, dice=0.999999) == pytest.approx(4, rel=1e-5)


@pytest.mark.parametrize("backoff", [ExponentialBackoff(initial=0), ExponentialBackoff(maximum=0)])
def test_a_backoff_of_nothing_retries_at_once(backoff: ExponentialBackoff) -> None:
    assert backoff.delay(5, dice=0.5) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"initial": -1}, {"maximum": -1}, {"factor": 0.5}, {"factor": 101}, {"jitter": -0.1}, {"jitter": 1.1},
     {"initial": math.nan}, {"factor": math.nan}, {"jitter": math.nan}, {"maximum": math.inf}],
)  # fmt: skip
def test_a_backoff_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidArgument):
        ExponentialBackoff(**wrong)


@given(st.integers(0, 10**6))
def test_crash_waits_grow_and_are_capped_at_five_minutes(streak: int) -> None:
    assert 0 < crash_delay(streak) <= crash_delay(streak + 1) <= 300


@pytest.mark.parametrize("streak", [1, 2, 3, 4, 5])
def test_a_crash_waits_longer_than_the_failure_of_the_same_number(streak: int) -> None:
    assert crash_delay(streak) > DEFAULT_BACKOFF.delay(streak, dice=0.999)


@given(st.integers(0, 10**6))
def test_deferrals_wait_ten_seconds_doubling_up_to_an_hour(deferrals: int) -> None:
    assert 10 <= deferral_delay(deferrals) <= deferral_delay(deferrals + 1) <= 3600


def test_what_deferrals_waited_together_is_their_sum() -> None:
    assert [deferred_for(n) for n in range(5)] == [0, 10, 30, 70, 150]


@pytest.mark.parametrize(("given_", "expected"), [(5, 5.0), (0.5, 0.5), (timedelta(minutes=2), 120.0), (0, 0.0)])
def test_a_duration_is_seconds_or_a_timedelta(given_: timedelta | float, expected: float) -> None:
    assert seconds(given_, "delay") == expected


@pytest.mark.parametrize("wrong", ["5", None, True, [1], 1j])
def test_anything_else_is_no_duration(wrong: object) -> None:
    with pytest.raises(InvalidArgument, match="delay= takes seconds or a timedelta"):
        seconds(wrong, "delay")  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("wrong", [-1, timedelta(seconds=-1), math.nan, math.inf, 10**10])
def test_a_duration_out_of_range_is_refused_by_name(wrong: timedelta | float) -> None:
    with pytest.raises(InvalidArgument, match="delay= must be from 0 to"):
        seconds(wrong, "delay")
