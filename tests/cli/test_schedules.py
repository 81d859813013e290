"""`tickover schedules`: what a person sees of schedules, and does to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.raw import Raw
from tickover import NewJob, Tickover, daily

Run = Callable[..., Any]


@pytest.fixture
def declared(shop: Tickover) -> Tickover:
    """The shop declares a schedule; the library's own application stores one that the shop does not know."""
    source = Path("shop.py").read_text()
    Path("shop.py").write_text(
        f"{source}\nfrom tickover import NewJob, every\njobs.schedule(NewJob('sweep', remote=True), every(days=300))\n"
    )
    shop.schedule(NewJob("old", remote=True), daily(4))
    shop.run_scheduler(5)
    return shop


def test_lists_declared_and_stored_ones(run: Run, declared: Tickover) -> None:
    lines = run("schedules").stdout.splitlines()
    assert lines[0].split("  ")[0] == "NAME"
    assert [line.split()[0] for line in lines[1:]] == ["old", "sweep"]
    assert "orphaned: no code declares it" in lines[1]
    shown = json.loads(run("schedules", "--json").stdout)["schedules"]
    assert [(one["name"], one["spec"], one["orphaned"]) for one in shown] == [
        ("old", "daily 04:00 UTC", True),
        ("sweep", "every 25920000s", False),
    ]


def test_pauses_resumes_runs_and_removes(run: Run, declared: Tickover) -> None:
    assert run("schedules", "pause", "sweep").stdout == "Schedule sweep is paused.\n"
    assert "paused" in run("schedules").stdout
    assert run("schedules", "pause", "sweep").exit_code == 1
    assert run("schedules", "resume", "sweep").stdout == "Schedule sweep fires again.\n"
    job_id = run("schedules", "run", "sweep").stdout.strip()
    assert declared.get(job_id).kind == "sweep"
    assert run("schedules", "remove", "old").stdout == "Schedule old is gone.\n"
    assert "old" not in run("schedules").stdout


def test_an_unknown_name_is_refused_with_the_nearest(run: Run, declared: Tickover) -> None:
    refused = run("schedules", "pause", "swep")
    assert (refused.exit_code, refused.stderr) == (1, "tickover: There is no schedule 'swep'. Did you mean 'sweep'?\n")


def test_health_exits_with_4_while_a_schedule_is_overdue(run: Run, declared: Tickover, migrated_url: str) -> None:
    run("tick", "--only", "scheduler")
    with Raw(migrated_url) as raw:
        raw.shift("schedules", "next_slot", -2 * 300 * 86400, "name = 'sweep'")
        raw.rows("UPDATE schedules SET last_fired_at = seen_at")

    answer = run("health")
    assert (answer.exit_code, answer.stderr) == (4, "")
    assert "Schedule 'sweep' is overdue by" in answer.stdout
    assert json.loads(run("health", "--json").stdout)["facts"]["overdue_schedules"].keys() == {"sweep"}
