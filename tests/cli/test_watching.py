"""What the command line shows: lists, one job, queues, events, numbers; for programs and for people."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cli.conftest import Run, Start
from tickover import Tickover

JOB = {
    "id", "short_id", "kind", "queue", "tenant", "priority", "state", "payload", "result", "error", "error_kind", "attempt",
    "starts", "completed", "failures", "crashes", "yields", "stalls", "parks", "released", "aborts", "created_at", "run_at",
    "started_at", "finished_at", "wait_kind", "wait_ref", "parent_id", "root_id", "fan_out_index", "children", "unique_key",
    "meta", "progress", "generation", "steps", "dead_lettered",
}  # fmt: skip
STATES = {"pending", "running", "waiting", "paused", "completed", "failed", "cancelled"}


def _json(run: Run, *args: str) -> Any:
    answer = run(*args, "--json")
    assert answer.exit_code == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.fixture
def three(shop: Tickover, run: Run) -> list[str]:
    """A completed job, a dead one, and one for later."""
    ids = [
        shop.enqueue("greet", "Ann", remote=True, tenant="acme", meta={"colour": "red", "size": 3}, unique="order-7"),
        shop.enqueue("fail", "no paper", remote=True, retries=0, queue="emails"),
    ]
    assert run("tick").exit_code == 0
    return [*ids, shop.enqueue("greet", "Ben", remote=True, delay=3600)]


# --- for programs ------------------------------------------------------------------------------------------------------


def test_jobs_list_is_a_page_of_whole_jobs(run: Run, three: list[str]) -> None:
    page = _json(run, "jobs", "list")
    assert set(page) == {"jobs", "next_cursor"}
    assert [job["id"] for job in page["jobs"]] == three[::-1]
    assert all(set(job) == JOB for job in page["jobs"])
    done = page["jobs"][2]
    assert (done["state"], done["result"], done["meta"]) == ("completed", "Hello Ann", {"colour": "red", "size": 3})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", done["finished_at"])


def test_a_page_goes_on_behind_its_cursor(run: Run, three: list[str]) -> None:
    first = _json(run, "jobs", "list", "--limit", "2")
    rest = _json(run, "jobs", "list", "--limit", "2", "--cursor", first["next_cursor"])
    assert [job["id"] for job in (*first["jobs"], *rest["jobs"])] == three[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (("--state", "completed"), [0]),
        (("--state", "scheduled"), [2]),
        (("--state", "dead"), [1]),
        (("--kind", "greet"), [2, 0]),
        (("--queue", "emails"), [1]),
        (("--tenant", "acme"), [0]),
        (("--meta", "colour=red"), [0]),
        (("--meta", '{"size": 3}'), [0]),
        (("--meta", "colour=blue"), []),
        (("--unique", "order-7"), [0]),
        (("--search", "paper"), [1]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_jobs_list_filters(run: Run, three: list[str], filters: tuple[str, ...], found: list[int]) -> None:
    assert [job["id"] for job in _json(run, "jobs", "list", *filters)["jobs"]] == [three[n] for n in found]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_parent_of_a_filter_may_be_the_end_of_an_id(run: Run, three: list[str]) -> None:
    assert _json(run, "jobs", "list", "--parent", three[0][-8:])["jobs"] == []


def test_jobs_show_is_one_job(run: Run, three: list[str]) -> None:
    job = _json(run, "jobs", "show", three[1][-8:])
    assert set(job) == JOB
    assert (job["id"], job["error"], job["error_kind"], job["dead_lettered"]) == (
        three[1],
        "no paper",
        "ValueError",
        True,
    )


def test_dead_list_is_a_page_of_dead_letters(run: Run, three: list[str]) -> None:
    assert [job["id"] for job in _json(run, "dead", "list")["jobs"]] == [three[1]]
    assert _json(run, "dead", "list", "--kind", "greet")["jobs"] == []


def test_queues_counts_each_queue(run: Run, shop: Tickover, three: list[str]) -> None:
    shop.pause_queue("emails", "no printer")
    shop.pause_ticks("aggressive")
    answer = _json(run, "queues")
    assert answer["fleet_paused"] == "aggressive"
    default, emails = answer["queues"]
    assert set(default) == {"name", "counts", "paused", "reason", "oldest_due_at"}
    assert (default["name"], default["counts"]["completed"], default["paused"]) == ("default", 1, False)
    assert set(default["counts"]) == STATES
    assert (emails["counts"]["failed"], emails["paused"], emails["reason"]) == (1, True, "no printer")


def test_stats_counts_exactly(run: Run, three: list[str]) -> None:
    stats = _json(run, "stats")
    assert set(stats) == {"by_state", "queues", "fleet_paused", "total", "caps"}
    assert set(stats["by_state"]) == STATES
    assert (stats["total"], stats["by_state"]["pending"], stats["by_state"]["failed"]) == (3, 1, 1)


def test_ticks_lists_the_ticks_that_had_work(run: Run, three: list[str]) -> None:
    (tick,) = _json(run, "ticks")["ticks"]
    assert (tick["trigger"], tick["claimed"], tick["completed"], tick["failed"]) == ("cli", 2, 1, 1)
    assert tick["ended_at"] > tick["started_at"]
    assert tick["cost"] is None


def test_ticks_show_what_they_cost_where_somebody_charges(run: Run, three: list[str], shop: Tickover) -> None:
    assert "COST" not in run("ticks").stdout
    with shop._core.database.link() as link:
        link.query("UPDATE ticks SET cost = 0.0000214", {})
    shown = run("ticks").stdout
    assert "COST" in shown
    assert "$0.000021" in shown


def test_health_tells_what_it_looked_at(run: Run, three: list[str]) -> None:
    health = _json(run, "health")
    assert set(health) == {
        "ok", "problems", "database", "due", "oldest_due_seconds", "expired_leases", "dead_letters", "facts",
    }  # fmt: skip
    assert (health["ok"], health["problems"], health["dead_letters"]) == (True, [], 1)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_version_and_migrate_answer_in_json_too(run: Run, shop: Tickover) -> None:
    version = _json(run, "version")
    assert set(version) == {"tickover", "tables", "python"}
    assert _json(run, "migrate") == {"version": version["tables"]}


def test_migrate_makes_a_new_database_usable_and_may_be_repeated(run: Run, database_url: str) -> None:
    for _ in range(2):
        assert run("migrate", "--database", database_url).exit_code == 0
    assert run("stats", "--database", database_url).exit_code == 0


# --- events ------------------------------------------------------------------------------------------------------------


def _events(run: Run, *args: str) -> list[Mapping[str, Any]]:
    answer = run("events", "--json", *args)
    assert answer.exit_code == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_events_are_one_document_a_line(run: Run, three: list[str]) -> None:
    found = _events(run)
    assert [event["seq"] for event in found] == sorted(event["seq"] for event in found)
    (completed,) = [event for event in found if event["type"] == "JobCompleted"]
    assert set(completed) == {
        "type", "seq", "at", "job_id", "kind", "queue", "attempt", "tick_id", "duration",
    }  # fmt: skip
    assert completed["job_id"] == three[0]
    assert {event["error"] for event in found if event["type"] == "JobFailed"} == {"no paper"}


def test_events_go_on_behind_a_seq_end_with_the_last_ones_and_are_told_of_one_job(run: Run, three: list[str]) -> None:
    found = _events(run)
    assert _events(run, "--after", str(found[2]["seq"])) == found[3:]
    assert _events(run, "--last", "2") == found[-2:]
    assert _events(run, "--last", "0") == []
    assert _events(run, "--job", three[2][-8:]) == [event for event in found if event["job_id"] == three[2]]


def test_events_follow_until_ctrl_c(start: Start, shop: Tickover, three: list[str]) -> None:
    process = start("events", "-f", "--json", "--last", "1")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["job_id"] == three[2]
    job = shop.enqueue("greet", "Cem", remote=True)
    assert json.loads(process.stdout.readline())["job_id"] == job
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


# --- for people --------------------------------------------------------------------------------------------------------


def test_people_see_the_end_of_ids_and_relative_times(run: Run, three: list[str]) -> None:
    head, *rows = run("jobs", "list").stdout.splitlines()
    assert head.split() == ["ID", "KIND", "QUEUE", "STATE", "ATTEMPT", "WHEN", "NOTE"]
    assert [row.split()[0] for row in rows] == [job[-8:] for job in three[::-1]]
    assert "due in 59 min" in rows[0]
    assert re.search(r" (now|\d+(\.\d)? s ago) ", rows[1])
    assert rows[1].endswith("ValueError: no paper")


def test_people_are_told_how_to_see_more(run: Run, three: list[str]) -> None:
    assert run("jobs", "list", "--limit", "2").stdout.splitlines()[-1] == f"There are more: --cursor {three[1]}"


def test_people_see_one_job_whole(run: Run, shop: Tickover, three: list[str]) -> None:
    long = shop.enqueue("greet", "x" * 500, remote=True)
    assert "x" * 500 in run("jobs", "show", long).stdout
    shown = run("jobs", "show", three[1]).stdout
    for text in (three[1], "emails", "failed", "1 starts, 1 failures", '"no paper"', "ValueError: no paper"):
        assert text in shown


@pytest.mark.parametrize(
    ("args", "texts"),
    [
        (("queues",), ("QUEUE", "emails", "The fleet is paused (graceful)")),
        (("dead", "list"), ("fail", "ValueError: no paper")),
        (("stats",), ("completed", "total", "The fleet is paused (graceful)")),
        (("ticks",), ("cli", "2 claimed, 1 completed, 1 failed")),
        (("health",), ("healthy", "1 dead letter;")),
        (("events",), ("JobCompleted", "greet", "JobFailed", "error: no paper", "TicksPaused")),
        (("version",), ("tickover ",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_people_read_words(
    run: Run, shop: Tickover, three: list[str], args: tuple[str, ...], texts: tuple[str, ...]
) -> None:
    shop.pause_ticks()
    answer = run(*args)
    assert (answer.exit_code, answer.stderr) == (0, "")
    for text in texts:
        assert text in answer.stdout


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("jobs", "list"), "No job matches.\n"),
        (("dead", "list"), "No dead letters.\n"),
        (("queues",), "No queue has a job.\n"),
        (("ticks",), "No tick had work yet.\n"),
        (("events",), ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_an_empty_system_is_said_to_be_empty(run: Run, shop: Tickover, args: tuple[str, ...], said: str) -> None:
    assert run(*args).stdout == said


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_payload_and_an_error_cannot_steer_the_terminal(run: Run, shop: Tickover) -> None:
    shop.enqueue("greet", "[bold]\x9b31mred", remote=True)
    shop.enqueue("fail", "\x1b[31mred\nline two", remote=True, retries=0)
    assert run("tick").exit_code == 0
    for args in (
        ("jobs", "list"),
        ("jobs", "show", shop.find()[0].id),
        ("jobs", "show", shop.find()[1].id),
        ("events",),
    ):
        shown = run(*args).stdout
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
    assert "\\x1b[31mred line two" in run("jobs", "list").stdout


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_gets_colours_unless_no_color_is_set(shop: Tickover, three: list[str], no_color: bool) -> None:
    shown = _at_a_terminal("jobs", "list", **({"NO_COLOR": "1"} if no_color else {}))
    assert ("\x1b[" in shown) is not no_color
    assert "completed" in shown


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("args", [("drain",), ("dead", "retry", "--all")], ids=" ".join)
def test_a_terminal_gets_a_bar_for_long_work(shop: Tickover, three: list[str], args: tuple[str, ...]) -> None:
    shop.enqueue("greet", "Cem", remote=True)
    shown = _at_a_terminal(*args)
    assert ("Draining" if args == ("drain",) else "Retrying") in shown


def _at_a_terminal(*args: str, **env: str) -> str:
    """What a person at a terminal sees on stdout and stderr."""
    leader, follower = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "tickover", *args],
            stdout=follower,
            stderr=follower,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", **env},
        )
        os.close(follower)
        seen = b""
        while part := _some(leader):
            seen += part
        assert process.wait(timeout=60) == 0
    finally:
        os.close(leader)
    return seen.decode()


def _some(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # Linux says EIO when the last writer is gone
        return b""
