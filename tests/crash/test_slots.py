"""Each slot once: a year of slots in 22 zones, five schedulers at a time, and kills at the worst points."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.crash.scheduler_worker import PATTERNS, application
from tests.support.process import Nursery
from tests.support.raw import Raw
from tests.support.slots import DAY, MINUTE, fixed
from tests.unit.test_slots_proof import FIXED, ZONES, zone
from tickover import Tickover
from tickover.store.schedule_rows import utc

#: More than a year, so that clocks change at least twice; and less than 1000 slots of a daily schedule.
SPAN = 400 * DAY
POINTS = ["scheduler.after_gate", "schedule_advance.after_commit", "scheduler.after_commit", "fire.before_send"]


@pytest.fixture(scope="module")
def schedulers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery("tests.crash.scheduler_worker", log=tmp_path_factory.mktemp("schedulers") / "log") as made:
        yield made


@pytest.fixture
def jobs(migrated_url: str) -> Iterator[Tickover]:
    with application(migrated_url) as made:
        yield made


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_year_of_slots_fires_each_once_whoever_dies(
    jobs: Tickover, migrated_url: str, schedulers: Nursery, tmp_path: Path
) -> None:
    assert jobs.run_scheduler(60).fired == 0
    with Raw(migrated_url) as raw:
        began = rewind(raw, jobs)
        dice = random.Random(7)
        killed = 0
        while raw.one("SELECT count(*) FROM schedules WHERE next_slot <= :now", now=stored(raw, raw.now() - MINUTE)):
            plans: list[tuple[str | None, int]] = [(dice.choice(POINTS), dice.randint(1, 12)) for _ in range(4)]
            if killed:  # one that is left alone may be done with everything before the others come to their points
                plans.append((None, 0))
            workers = [
                schedulers.start("tests.crash.scheduler_worker:main", url=migrated_url, point=point, after=after)
                for point, after in plans
            ]
            for worker in workers:
                worker.until_state("ended", seconds=90)
                assert worker.code in (0, -9), schedulers.log_tail()
                killed += worker.code == -9
        assert killed >= 1, "nobody died, so nothing is shown"
        compare(raw, began)


def rewind(raw: Raw, jobs: Tickover) -> dict[str, datetime]:
    """Every schedule's next slot is its first one after a year ago; the one of every minute, half a day ago."""
    began = {}
    for name, declared in jobs._core.schedules.items():
        first = declared.schedule.next(raw.now() - (SPAN if name != "minutes" else timedelta(hours=12)))
        assert first is not None
        began[name] = first
        raw.rows("UPDATE schedules SET next_slot = :slot WHERE name = :name", name=name, slot=stored(raw, first))
    return began


def compare(raw: Raw, began: dict[str, datetime]) -> None:
    """Jobs, fires and the brute-force enumeration agree: no slot is missing, none is there twice."""
    jobs = raw.rows("SELECT d.args, j.slot, j.id FROM jobs j JOIN job_data d ON d.job_id = j.id")
    fires = raw.rows("SELECT schedule, slot, job_id FROM fires WHERE outcome = 'fired'")
    assert sorted((str(args).strip('"'), utc(slot), str(job)) for args, slot, job in jobs) == sorted(
        (name, utc(slot), str(job)) for name, slot, job in fires
    )
    assert raw.count("fires", "outcome <> 'fired'") == 0
    decided: dict[str, Any] = {name: last for name, last in raw.rows("SELECT name, last_slot FROM schedules")}  # noqa: C416  # untyped rows
    found: dict[str, list[datetime]] = {}
    for name, slot, _ in fires:
        found.setdefault(name, []).append(utc(slot))
    for name, first in began.items():
        assert sorted(found[name]) == wanted(name, first, utc(decided[name])), name
    assert len(fires) > 9000


def wanted(name: str, first: datetime, last: datetime) -> list[datetime]:
    if name == "minutes":
        return [first + number * MINUTE for number in range(int((last - first) / MINUTE) + 1)]
    number, _, place = name.partition(".")
    (tz,) = [one for one in ZONES if one.replace("/", ".") == place]
    _, days, times = FIXED[int(number[1:])]
    return [slot for slot in fixed(zone(tz), days, times) if first <= slot <= last]


def stored(raw: Raw, instant: datetime) -> object:
    return int(instant.timestamp() * 1000) if raw.dialect == "sqlite" else instant.astimezone(UTC)


def test_the_patterns_are_daily_weekly_and_odd() -> None:
    assert [str(FIXED[number][0]("UTC")).split()[0] for number in PATTERNS] == ["daily", "weekly", "cron", "cron"]
