"""Who of claimed jobs may run: exact for caps, exact per window for rates, denied by a rate once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.domain.admission import Admitted, Asked, CapFull, NotYet, Room, Windows, admit
from tickover.domain.ids import JobId
from tickover.domain.limits import Cap, LimitedJob, Rate, cap, check_limits, keys_of, rate
from tickover.errors import InvalidArgument

JOB = LimitedJob(kind="crawl", queue="default", tenant="acme", priority=0, payload={"host": "example.org"}, meta={})


def asked(n: int, *, caps: tuple[str, ...] = (), rates: tuple[tuple[str, Rate], ...] = ()) -> Asked:
    return Asked(job_id=JobId(f"job-{n}"), caps=tuple((key, Cap(key, 2)) for key in caps), rates=rates)


def test_a_cap_admits_as_many_as_it_has_room_for_in_order() -> None:
    verdicts = admit([asked(n, caps=("gpu",)) for n in range(4)], Room(now=0, caps={"gpu": 2}))

    assert [type(verdict) for verdict in verdicts.values()] == [Admitted, Admitted, CapFull, CapFull]


def test_a_hot_key_does_not_take_the_room_of_a_cold_one() -> None:
    room = Room(now=0, caps={"hot": 1, "cold": 1})
    verdicts = admit([asked(0, caps=("hot",)), asked(1, caps=("hot",)), asked(2, caps=("cold",))], room)

    assert isinstance(verdicts[JobId("job-2")], Admitted)


def test_a_job_that_one_cap_denies_takes_no_place_of_the_other() -> None:
    room = Room(now=0, caps={"a": 1, "b": 0})
    admit([asked(0, caps=("a", "b"))], room)

    assert room.caps == {"a": 1, "b": 0}


@given(st.integers(1, 5), st.integers(10, 3_600_000), st.integers(0, 10**13), st.integers(1, 60))
def test_no_window_gets_more_than_its_rate(most: int, per_ms: int, now: int, count: int) -> None:
    limit = Rate("r", most, per_ms / 1000)
    room = Room(now=now, caps={}, rates={"r": Windows(now=now // limit.per_ms)})
    verdicts = admit([asked(n, rates=(("r", limit),)) for n in range(count)], room)
    given_away: Counter[int] = Counter()
    for verdict in verdicts.values():
        assert not isinstance(verdict, CapFull)
        ((_, window),) = verdict.counted if isinstance(verdict, Admitted) else verdict.promised
        given_away[window] += 1
        if isinstance(verdict, NotYet):
            assert (now + round(verdict.delay * 1000)) // limit.per_ms == window, "it wakes in the window it has"

    assert max(given_away.values()) <= most
    assert set(given_away) == set(range(now // limit.per_ms, now // limit.per_ms + -(-count // most)))


def test_a_promise_is_kept_in_its_window_and_counted_once() -> None:
    limit = Rate("r", 1, 1.0)
    room = Room(now=5000, caps={}, rates={"r": Windows(now=5, used_now=1, last=5, used_last=1)},
                promised={(JobId("job-0"), "r"): 5})  # fmt: skip

    assert admit([asked(0, rates=(("r", limit),))], room) == {JobId("job-0"): Admitted((), ())}


def test_a_promise_that_came_too_late_is_none() -> None:
    limit = Rate("r", 1, 1.0)
    room = Room(now=6000, caps={}, rates={"r": Windows(now=6, used_now=1, last=8, used_last=1)},
                promised={(JobId("job-0"), "r"): 5})  # fmt: skip
    (verdict,) = admit([asked(0, rates=(("r", limit),))], room).values()

    assert verdict == NotYet(3.0, (("r", 9),))


def test_a_cap_that_denies_gives_back_what_a_rate_had_promised() -> None:
    room = Room(now=5000, caps={"gpu": 0}, rates={"r": Windows(now=5)}, promised={(JobId("job-0"), "r"): 5})
    (verdict,) = admit([asked(0, caps=("gpu",), rates=(("r", Rate("r", 1, 1.0)),))], room).values()

    assert verdict == CapFull("gpu", (("r", 5),))


def test_two_rates_are_waited_for_at_once() -> None:
    fast, slow = Rate("fast", 1, 1.0), Rate("slow", 1, 10.0)
    room = Room(now=12_000, caps={}, rates={"fast": Windows(now=12, used_now=1, last=12, used_last=1),
                                           "slow": Windows(now=1, used_now=1, last=1, used_last=1)})  # fmt: skip
    (verdict,) = admit([asked(0, rates=(("fast", fast), ("slow", slow)))], room).values()

    assert verdict == NotYet(8.0, (("fast", 20), ("slow", 2)))


@pytest.mark.parametrize(
    ("limit", "keys"),
    [
        (cap("gpu", 2), [["gpu", "gpu"]]),
        (cap("gpu", 2, key=lambda job: job.tenant), [["gpu", "gpu:acme"]]),
        (rate("crm", 10, key=lambda job: job.payload["host"]), [["crm", "rate:crm:example.org"]]),
        (cap("gpu", 2, key=lambda _: None), []),
    ],
)
def test_a_key_is_the_limits_name_and_what_its_function_says(limit: Cap | Rate, keys: list[list[str]]) -> None:
    assert keys_of([limit], JOB) == keys


def test_a_long_key_is_hashed_and_stays_its_own() -> None:
    one, other = (keys_of([cap("c", 1, key=lambda _, tail=tail: "x" * 5000 + tail)], JOB)[0][1] for tail in "ab")  # type: ignore[misc]  # bound to this round

    assert len(one) < 100
    assert one != other


def test_a_key_function_that_raises_refuses_the_job() -> None:
    with pytest.raises(InvalidArgument, match="The key function of 'c' failed: ZeroDivisionError"):
        keys_of([cap("c", 1, key=lambda _: 1 / 0)], JOB)


@pytest.mark.parametrize("most", [0, -1, 1.5, True, "2", None, 1_000_001])
def test_a_number_that_is_none_is_refused(most: object) -> None:
    with pytest.raises(InvalidArgument, match="A limit is a whole number"):
        cap("gpu", most)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(InvalidArgument, match="A limit is a whole number"):
        rate("crm", most)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("per", [0, -1, 0.001, 86_401, "1", float("nan")])
def test_a_window_that_is_none_is_refused(per: object) -> None:
    with pytest.raises(InvalidArgument, match="per"):
        rate("crm", 1, per=per)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("name", ["", "1a", "queue", "rate", "a b", None])
def test_a_name_that_is_none_is_refused(name: object) -> None:
    with pytest.raises(InvalidArgument):
        cap(name, 1)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("value", [cap("a", 1), "ab", [1], [cap("a", 1), cap("a", 2)], [("a", 1)], 5])
def test_limits_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(InvalidArgument, match="limits="):
        check_limits(value)


def test_a_cap_and_a_rate_may_have_one_name() -> None:
    assert len(check_limits([cap("crm", 1), rate("crm", 1)])) == 2
