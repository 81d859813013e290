"""What the command line changes: jobs, queues, the fleet, dead letters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Run
from tickover import Tickover


def _failed(shop: Tickover, run: Run, count: int = 1, **options: Any) -> list[str]:
    ids = [shop.enqueue("fail", f"why {n}", remote=True, retries=0, **options) for n in range(count)]
    assert run("tick").exit_code == 0
    return ids


def test_a_job_is_paused_resumed_cancelled_and_retried_by_the_end_of_its_id(run: Run, shop: Tickover) -> None:
    job = shop.enqueue("greet", "Ann", remote=True)
    for verb, state in (("pause", "paused"), ("resume", "pending"), ("cancel", "cancelled"), ("retry", "pending")):
        answer = run("jobs", verb, job[-8:])
        assert (answer.exit_code, answer.stderr) == (0, "")
        assert answer.stdout.endswith(f"it is {state}.\n")
        assert shop.get(job).state == state


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_with_json_the_job_is_shown_as_it_is_afterwards(run: Run, shop: Tickover) -> None:
    job = shop.enqueue("greet", "Ann", remote=True)
    answer = json.loads(run("jobs", "pause", job, "--json").stdout)
    assert (answer["id"], answer["state"]) == (job, "paused")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_cancelling_twice_is_as_good_as_once(run: Run, shop: Tickover) -> None:
    job = shop.enqueue("greet", "Ann", remote=True)
    assert [run("jobs", "cancel", job).exit_code for _ in range(2)] == [0, 0]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_fresh_retry_starts_a_new_generation(run: Run, shop: Tickover) -> None:
    (job,) = _failed(shop, run)
    assert run("jobs", "retry", job, "--fresh").exit_code == 0
    assert shop.get(job).generation == 1


def test_a_queue_is_paused_and_resumed(run: Run, shop: Tickover) -> None:
    shop.enqueue("greet", "Ann", remote=True, queue="emails")
    paused = run("queues", "pause", "emails", "--reason", "no printer", "--json")
    assert json.loads(paused.stdout) == {"queue": "emails", "paused": True, "reason": "no printer"}
    assert "paused: no printer" in run("queues").stdout
    assert "no work" in run("tick").stdout
    assert run("queues", "resume", "emails").exit_code == 0
    assert "1 completed" in run("tick").stdout


def test_a_queue_is_limited_over_the_fleet(run: Run, shop: Tickover) -> None:
    assert run("limits").stdout == "No cap has met a job, and no queue has one.\n"
    answer = run("limits", "set", "emails", "1", "--json")
    assert (answer.exit_code, json.loads(answer.stdout)) == (0, {"queue": "emails", "limit": 1})
    assert run("limits", "set", "emails", "2").stdout == "At most 2 jobs of queue emails at once.\n"
    assert json.loads(run("limits", "--json").stdout) == {
        "limits": [{"key": "queue:emails", "most": 2, "running": 0, "waiting": 0}]
    }
    head, row = run("limits").stdout.splitlines()
    assert (head.split()[0], row.split()) == ("LIMIT", ["queue:emails", "2", "0", "0", "limits", "set"])

    removed = run("limits", "remove", "emails")
    assert (removed.exit_code, removed.stdout) == (0, "Queue emails has no limit.\n")
    assert shop.stats().caps == ()


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("given", "code"), [(("emails", "0"), 2), (("emails", "many"), 2), (("e mails", "3"), 1), ((), 2)]
)
def test_a_limit_that_is_none_is_refused(run: Run, shop: Tickover, given: tuple[str, ...], code: int) -> None:
    answer = run("limits", "set", *given)
    assert (answer.exit_code, answer.stdout) == (code, "")
    assert answer.stderr.count("\n") == 1
    assert shop.stats().caps == ()


def test_the_fleet_is_paused_and_resumed(run: Run, shop: Tickover) -> None:
    shop.enqueue("greet", "Ann", remote=True)
    assert json.loads(run("ticks", "pause", "--aggressive", "--json").stdout) == {"fleet_paused": "aggressive"}
    assert shop.stats().fleet_paused == "aggressive"
    assert json.loads(run("ticks", "resume", "--json").stdout) == {"fleet_paused": None}
    assert "1 completed" in run("tick").stdout


def test_dead_letters_are_retried_by_id(run: Run, shop: Tickover) -> None:
    first, second, third = _failed(shop, run, 3)
    answer = run("dead", "retry", first[-8:], second, "--json")
    assert json.loads(answer.stdout) == {"retried": [first, second]}
    assert [shop.get(job).state for job in (first, second, third)] == ["pending", "pending", "failed"]


@pytest.mark.parametrize(
    "which", [("--kind", "fail", "--queue", "emails"), ("--search", "why"), ("--all",)], ids=" ".join
)
def test_dead_letters_are_retried_in_bulk(run: Run, shop: Tickover, which: tuple[str, ...]) -> None:
    _failed(shop, run, 3, queue="emails")
    answer = run("dead", "retry", *which)
    assert (answer.exit_code, answer.stdout, answer.stderr) == (0, "3 dead letters run again.\n", "")
    assert shop.stats().by_state["pending"] == 3


# --- purge -------------------------------------------------------------------------------------------------------------


def test_purge_asks_with_count_and_effect_and_deletes_on_yes(run: Run, shop: Tickover) -> None:
    _failed(shop, run, 2, queue="emails")
    _failed(shop, run)
    answer = run("dead", "purge", "--queue", "emails", given="y\n")
    asked = answer.stdout + answer.stderr
    assert "Delete 2 failed jobs of queue emails for good, with payloads, results and steps?" in asked
    assert answer.exit_code == 0
    assert "2 failed jobs deleted." in answer.stdout
    assert [job.queue for job in shop.find()] == ["default"]


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("given", ["n\n", "\n", ""], ids=["no", "nothing", "nobody"])
def test_purge_deletes_nothing_unless_somebody_says_yes(run: Run, shop: Tickover, given: str) -> None:
    _failed(shop, run)
    answer = run("dead", "purge", "--queue", "default", given=given)
    assert answer.exit_code == 1
    assert answer.stderr.endswith("tickover: Nothing was done.\n")
    assert len(shop.find()) == 1


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_purge_with_yes_does_not_ask(run: Run, shop: Tickover) -> None:
    _failed(shop, run)
    answer = run("dead", "purge", "--queue", "default", "--yes", "--json")
    assert (answer.stderr, json.loads(answer.stdout)) == ("", {"deleted": 1})


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_with_json_the_question_is_not_on_stdout(run: Run, shop: Tickover) -> None:
    _failed(shop, run)
    answer = run("dead", "purge", "--queue", "default", "--json", given="y\n")
    assert answer.stdout.endswith('{\n  "deleted": 1\n}\n')


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("filters", "asked"),
    [
        (("--kind", "fail"), "Delete 2 failed jobs of queue default and kind fail for good"),
        (("--kind", "greet"), "Delete 0 failed jobs of queue default and kind greet for good"),
        (("--older-than", "1h"), "Delete 0 failed jobs of queue default that ended 1 h ago or earlier for good"),
        (("--state", "completed"), "Delete 1 completed job of queue default for good"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_the_count_of_a_purge_is_that_of_its_filters(
    run: Run, shop: Tickover, filters: tuple[str, ...], asked: str
) -> None:
    shop.enqueue("greet", "Ann", remote=True)
    _failed(shop, run, 2)
    answer = run("dead", "purge", "--queue", "default", *filters, given="n\n")
    assert asked in answer.stdout + answer.stderr


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_many_jobs_are_counted_up_to_a_bound(run: Run, shop: Tickover, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tickover.cli.control._COUNTED_AT_MOST", 1)
    _failed(shop, run, 201)
    answer = run("dead", "purge", "--queue", "default", "--kind", "fail", given="n\n")
    assert "Delete more than 1 failed jobs" in answer.stdout + answer.stderr
