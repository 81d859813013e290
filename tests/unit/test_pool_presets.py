from __future__ import annotations

from typing import Any

import pytest

from tickover import Pool
from tickover.errors import InvalidArgument


@pytest.mark.parametrize(
    ("pool", "numbers"),
    [
        (Pool.DEFAULT, (25, 10, 300, 60)),
        (Pool(), (25, 10, 300, 60)),
        (Pool.HIGH_CONCURRENCY, (100, 25, 600, 120)),
        (Pool.LOW_LATENCY, (50, 40, 900, 300)),
        (Pool.RESOURCE_CONSTRAINED, (10, 5, 180, 30)),
    ],
)
def test_the_presets_are_those_of_the_contract(pool: Pool, numbers: tuple[int, ...]) -> None:
    assert (pool.max_open, pool.idle, pool.lifetime, pool.idle_time) == numbers


def test_serverless_keeps_one_connection_and_has_room_for_a_transaction_beside_it() -> None:
    assert (Pool.SERVERLESS.max_open, Pool.SERVERLESS.idle) == (2, 1)


@pytest.mark.parametrize(("most", "idle"), [(1, 1), (4, 4), (10, 10), (40, 10)])
def test_what_is_kept_is_no_more_than_what_may_be_open(most: int, idle: int) -> None:
    assert Pool(max_open=most).idle == idle


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_open": 0}, "max_open from 1 to 10,000"),
        ({"max_open": 10_001}, "max_open from 1"),
        ({"max_open": 5, "max_idle": 6}, "max_idle from 0 to max_open"),
        ({"max_idle": -1}, "max_idle from 0"),
        ({"max_lifetime": 0}, "max_lifetime= must be from 0.1"),
        ({"max_lifetime": "5 min"}, "max_lifetime= takes seconds or a timedelta"),
        ({"max_idle_time": -1}, "max_idle_time="),
    ],
)
def test_a_pool_that_makes_no_sense_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        Pool(**wrong)
