from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import samples
from tests.unit.samples import claimed
from tickover.domain.decide import GIVE_UP_ON_KIND, MAX_STALLS, Transition, decide, must_run_alone
from tickover.domain.job import Claimed
from tickover.domain.outcome import Completed, Crashed, Failed, Outcome, OutOfTime, Released, UnknownKind
from tickover.domain.retry import ExponentialBackoff, crash_delay, deferral_delay, deferred_for
from tickover.domain.states import COUNTERS, TRANSITIONS

FULL = OutOfTime(progressed=False, elapsed=50.0, window=50.0, doing="step 'fetch'")
HALF = OutOfTime(progressed=False, elapsed=25.0, window=50.0, doing="step 'fetch'")


@given(samples.jobs, samples.outcomes, st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 1e6))
def test_every_outcome_of_every_job_is_one_allowed_fenced_move(
    job: Claimed, outcome: Outcome, dice: float, took: float | None
) -> None:
    transition = decide(job, outcome, dice=dice, seconds=took)

    assert transition.lease is job.lease
    assert transition.seconds == took
    assert transition.state in TRANSITIONS["running"]
    assert transition.counter in COUNTERS
    assert transition.delay is None or transition.delay >= 0
    assert (transition.state == "failed") == (transition.event == "JobFailed")
    assert (transition.state == "completed") == (transition.event == "JobCompleted")
    if transition.state == "failed":
        assert transition.error
        assert transition.error_kind


@given(samples.jobs, samples.outcomes, st.floats(0, 1, exclude_max=True))
def test_deciding_again_decides_the_same(job: Claimed, outcome: Outcome, dice: float) -> None:
    first, second = (decide(job, outcome, dice=dice) for _ in range(2))

    assert all(getattr(first, name) == getattr(second, name) for name in Transition.__slots__)


@given(samples.jobs, st.booleans(), st.booleans())
def test_each_way_to_end_adds_its_own_counter(job: Claimed, progressed: bool, known: bool) -> None:
    out = OutOfTime(progressed=progressed, elapsed=1.0, window=100.0, doing="x")

    assert decide(job, Completed(None)).counter == "completed"
    assert decide(job, Failed("no", "ValueError")).counter == "failures"
    assert decide(job, Crashed()).counter == "crashes"
    assert decide(job, out).counter == ("yields" if progressed else "stalls")
    assert decide(job, Released("stop")).counter == "released"
    assert decide(job, UnknownKind(known)).counter in ({"released"} if known else {"released", "failures"})


def test_a_return_value_is_stored_with_the_completion() -> None:
    transition = decide(claimed(), Completed('{"a":1}'), seconds=1.5)

    assert (transition.state, transition.result, transition.seconds) == ("completed", '{"a":1}', 1.5)


@pytest.mark.parametrize("retries", range(6))
def test_n_retries_mean_n_plus_1_runs_at_most(retries: int) -> None:
    runs = 0
    for failures in itertools.count():
        runs += 1
        if decide(claimed(failures=failures, max_retries=retries), Failed("no", "E")).state == "failed":
            break
    assert runs == retries + 1


def test_failures_that_a_retry_by_hand_forgave_no_longer_count() -> None:
    assert decide(claimed(failures=4, forgiven=4, max_retries=3), Failed("no", "E")).state == "pending"
    assert decide(claimed(failures=7, forgiven=4, max_retries=3), Failed("no", "E")).state == "failed"


def test_the_backoff_starts_anew_after_a_retry_by_hand() -> None:
    job = claimed(failures=9, forgiven=9, backoff=ExponentialBackoff(jitter=0))

    assert decide(job, Failed("no", "E")).delay == pytest.approx(2)


def test_retries_wait_2_4_8_seconds() -> None:
    waits = [
        decide(claimed(failures=n, max_retries=9, backoff=ExponentialBackoff(jitter=0)), Failed("no", "E")).delay
        for n in range(7)
    ]
    assert waits == pytest.approx([2, 4, 8, 16, 32, 60, 60])


def test_what_must_not_be_retried_fails_whatever_budget_is_left() -> None:
    transition = decide(claimed(max_retries=1_000_000), Failed("bad input", "NoRetry", retry=False))

    assert (transition.state, transition.error, transition.error_kind) == ("failed", "bad input", "NoRetry")


def test_a_delay_that_was_asked_for_is_kept_exactly() -> None:
    transition = decide(claimed(), Failed("limit", "RetryAfter", delay=300.0), dice=0.99)

    assert (transition.state, transition.delay, transition.data["delay"]) == ("pending", 300.0, 300.0)


def test_a_delay_of_zero_is_not_taken_for_none() -> None:
    assert decide(claimed(), Failed("again", "RetryAfter", delay=0.0)).delay == 0.0


def test_retry_after_still_needs_budget() -> None:
    assert decide(claimed(failures=3, max_retries=3), Failed("limit", "RetryAfter", delay=1.0)).state == "failed"


def test_a_yield_with_a_new_checkpoint_goes_on_at_once_and_costs_nothing() -> None:
    out = OutOfTime(progressed=True, elapsed=50.0, window=50.0, doing="step 'fetch'")
    transition = decide(claimed(stall_run=2, failures=3, max_retries=3), out)

    assert (transition.state, transition.delay, transition.need_ms) == ("pending", 0.0, 0)
    assert transition.stall_run is None  # the checkpoint itself has zeroed it


def test_a_yield_before_a_step_waits_for_a_tick_that_has_the_time_for_it() -> None:
    def need_ms(seconds: float) -> int | None:
        out = OutOfTime(progressed=True, elapsed=50.0, window=50.0, doing="step 'fetch'", need=seconds)
        return decide(claimed(), out).need_ms

    assert need_ms(20.0) == 20_000
    assert need_ms(500.0) == 500_000  # said, not learned: another function may have so much


def test_only_full_windows_count_towards_giving_up() -> None:
    assert decide(claimed(stall_run=2), HALF).stall_run == 2
    assert decide(claimed(stall_run=1), FULL).stall_run == 2


def test_a_step_that_did_not_end_in_three_full_windows_fails_and_says_which() -> None:
    transition = decide(claimed(stall_run=MAX_STALLS - 1), FULL)

    assert (transition.state, transition.error_kind) == ("failed", "Stalled")
    assert transition.error is not None
    assert transition.error.startswith("step 'fetch' needs more than one tick")


def test_a_stall_with_two_full_windows_behind_it_and_a_short_one_now_goes_on() -> None:
    assert decide(claimed(stall_run=MAX_STALLS - 1), HALF).state == "pending"


def test_a_stalled_job_asks_for_twice_the_time_but_for_no_more_than_a_full_window() -> None:
    assert decide(claimed(), OutOfTime(progressed=False, elapsed=10.0, window=50.0, doing="x")).need_ms == 20_000
    assert decide(claimed(), FULL).need_ms == 45_000


@given(samples.jobs)
def test_a_crash_waits_longer_than_a_failure(job: Claimed) -> None:
    crashed = decide(job, Crashed())

    assert crashed.crash_run == job.crash_run + 1
    if crashed.state == "pending":
        assert crashed.delay == crash_delay(job.crash_run + 1)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 10, 1000])
def test_only_a_crash_while_alone_may_fail_a_job(most: int) -> None:
    for streak in range(most + 2):
        if decide(claimed(crash_run=streak, max_crashes=most), Crashed()).state == "failed":
            assert must_run_alone(streak, most)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 10, 1000])
def test_a_job_that_kills_its_process_every_time_is_given_up(most: int) -> None:
    crashes = next(
        n + 1 for n in itertools.count() if decide(claimed(crash_run=n, max_crashes=most), Crashed()).state == "failed"
    )
    assert crashes == max(2, most)  # a first crash may have been the neighbour's


def test_the_third_crash_says_so() -> None:
    transition = decide(claimed(crash_run=2), Crashed())

    assert (transition.state, transition.error_kind) == ("failed", "Crashed")
    assert transition.error == "crashed 3 times in a row: the process was killed"


def test_the_third_crash_says_in_which_step_where_that_is_known() -> None:
    assert decide(claimed(crash_run=2, doing="fetch#0"), Crashed()).error == (
        "crashed 3 times in step fetch#0: the process was killed"
    )


def test_a_job_that_was_given_back_keeps_its_place() -> None:
    transition = decide(claimed(), Released("not started"))

    assert (transition.state, transition.delay, transition.data) == ("pending", None, {"reason": "not started"})


def test_a_released_job_loses_neither_streak() -> None:
    transition = decide(claimed(crash_run=2, stall_run=2), Released("not started"))

    assert (transition.crash_run, transition.stall_run) == (None, None)


def test_a_kind_that_newer_code_knows_is_looked_at_again_for_ever() -> None:
    transition = decide(claimed(deferrals=30_000), UnknownKind(known_elsewhere=True))

    assert (transition.state, transition.counter, transition.delay) == ("pending", "released", 3600.0)


def test_a_kind_that_nobody_knows_is_given_up_after_a_day_and_not_before() -> None:
    last = next(n for n in itertools.count() if deferred_for(n) >= GIVE_UP_ON_KIND)

    kept = decide(claimed(deferrals=last - 1), UnknownKind(known_elsewhere=False))
    given_up = decide(claimed(deferrals=last), UnknownKind(known_elsewhere=False))

    assert (kept.state, kept.delay, kept.deferrals) == ("pending", deferral_delay(last - 1), last)
    assert (given_up.state, given_up.counter, given_up.error_kind) == ("failed", "failures", "HandlerNotFound")


def test_an_outcome_that_nobody_knows_is_a_bug_and_no_silent_move() -> None:
    with pytest.raises(AssertionError):
        decide(claimed(), "an outcome")  # type: ignore[arg-type]  # that is the point
