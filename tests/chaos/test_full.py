"""The proof at full size: 10,000 jobs, four tick processes, each killed about every second until all is done."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from tests.chaos.plan import Options
from tests.chaos.run import arena, run

pytestmark = [pytest.mark.chaos_full, pytest.mark.timeout(0)]


@pytest.mark.parametrize("seed", [7, 11, 13])
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_ten_thousand_jobs_end_though_every_tick_is_killed_about_once_a_second(
    database: Literal["sqlite", "postgresql"], seed: int, tmp_path: Path
) -> None:
    options = Options(database=database, jobs=10_000, ticks=4, seed=seed, kill_every=1.0)

    with arena(options, tmp_path) as (url, server):
        result = run(options, url, tmp_path, server=server)

    print(result.table())
    assert result.wrong == []
    assert result.jobs >= 10_000
    assert result.stale_attempts > 0


@pytest.mark.parametrize("seed", [5, 6])
def test_nothing_acknowledged_is_lost_when_the_server_crashes_again_and_again(seed: int, tmp_path: Path) -> None:
    options = Options(
        database="postgresql", jobs=2_000, ticks=4, seed=seed, kill_every=2.0, restart_every=15.0, faults=60.0
    )

    with arena(options, tmp_path) as (url, server):
        result = run(options, url, tmp_path, server=server)

    print(result.table())
    assert result.wrong == []
    assert result.counts["restart"] > 0
