"""A small storm in every run of the tests: kills, freezes, cut connections, people, and then every check."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

import pytest

from tests.chaos.plan import Options, plan
from tests.chaos.run import run

pytestmark = pytest.mark.chaos


def _database(dialect: str) -> Literal["sqlite", "postgresql"]:
    return cast(Literal["sqlite", "postgresql"], dialect)


@pytest.mark.timeout(400)  # of which most is patience with a busy machine: alone it takes half a minute
def test_a_small_storm_breaks_nothing(migrated_url: str, dialect: str, tmp_path: Path) -> None:
    options = Options(
        database=_database(dialect), jobs=350, seed=7, faults=8.0, freeze_every=1.2, lock_every=2.0, people_every=0.05
    )

    result = run(options, migrated_url, tmp_path)

    print(result.table())
    assert result.wrong == []
    assert result.stale_attempts > 0


@pytest.mark.timeout(300)
def test_poison_is_stopped_and_none_of_its_neighbours_is_blamed(
    migrated_url: str, dialect: str, tmp_path: Path
) -> None:
    """Nobody is killed but by the poison, so no innocent job may fail, with the default three crashes."""
    options = Options(
        database=_database(dialect), jobs=60, ticks=2, seed=3, people_every=0, spared=False,
        kill_every=0, freeze_every=0, terminate_every=0, lock_every=0, shares=(("poison", 3.0), ("unit", 97.0)),
    )  # fmt: skip

    result = run(options, migrated_url, tmp_path)

    print(result.table())
    assert result.wrong == []
    assert result.counts["poisoned"] >= 3


def test_a_plan_depends_on_its_options_alone() -> None:
    options = Options(database="sqlite", seed=7)

    assert plan(options) == plan(options)
    assert plan(options) != plan(Options(database="sqlite", seed=8))
    assert {fault.what for fault in plan(options)} == set(options.expected)
