"""0 ok, 1 refused, 2 usage, 3 storage, migration or configuration, 4 unhealthy; an error is one line on stderr."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, Start
from tickover import Tickover
from tickover.domain.ids import new_id


@pytest.fixture
def dialect() -> str:
    """The refusals come from the façade, whose own tests run on both; what follows says otherwise where it matters."""
    return "sqlite"


def assert_refused(answer: Any, code: int, said: str) -> None:
    assert answer.exit_code == code, answer.stderr
    assert said in answer.stderr
    assert answer.stderr.startswith("tickover: ")
    assert answer.stderr.count("\n") == 1, answer.stderr
    assert answer.stdout == ""


def _failed(shop: Tickover, run: Run, **options: Any) -> str:
    failed = shop.enqueue("fail", "why", remote=True, retries=0, **options)
    assert run("drain").exit_code == 0
    return failed


def _retry_of_a_held_key(shop: Tickover, run: Run) -> tuple[str, ...]:
    failed = _failed(shop, run, unique="k")
    shop.enqueue("greet", "Ann", remote=True, unique="k")
    return ("jobs", "retry", failed)


def _twice(*args: str) -> Callable[[Tickover, Run], tuple[str, ...]]:
    def once(_shop: Tickover, run: Run) -> tuple[str, ...]:
        assert run(*args).exit_code == 0
        return args

    return once


def _on_a_pending_job(*args: str) -> Callable[[Tickover, Run], tuple[str, ...]]:
    return lambda shop, _run: (*args, shop.enqueue("greet", "Ann", remote=True)[-8:])


def _just(*args: str) -> Callable[[Tickover, Run], tuple[str, ...]]:
    return lambda _shop, _run: args


REFUSED: dict[str, tuple[Callable[[Tickover, Run], tuple[str, ...]], str]] = {
    "no such job": (_just("jobs", "show", new_id()), "No job has the id"),
    "no such end": (_just("jobs", "cancel", "0badcafe"), "No job has an id that ends in 0badcafe."),
    "no id": (_just("jobs", "pause", "abc"), "'abc' is not a job id"),
    "not paused": (_on_a_pending_job("jobs", "resume"), "is pending; it cannot be resumed now."),
    "not over": (_on_a_pending_job("jobs", "retry"), "only failed and cancelled jobs are retried"),
    "cancelled after failure": (lambda shop, run: ("jobs", "cancel", _failed(shop, run)), "cannot be cancelled"),
    "queue paused twice": (_twice("queues", "pause", "default"), "Queue 'default' is paused already."),
    "queue not paused": (_just("queues", "resume", "default"), "Queue 'default' is not paused."),
    "no queue's name": (_just("queues", "pause", "9 lives"), "'9 lives' is not a queue name"),
    "fleet paused twice": (_twice("ticks", "pause"), "The fleet is paused (graceful) already."),
    "fleet not paused": (_just("ticks", "resume"), "The fleet is not paused."),
    "duplicate": (_twice("enqueue", "greet", '"Ann"', "--unique", "order-7"), "has the unique key 'order-7'"),
    "key held": (_retry_of_a_held_key, "a newer job holds its unique key"),
    "unknown kind": (_just("enqueue", "gret", '"Ann"'), "Did you mean 'greet'?"),
    "does not fit": (_just("enqueue", "greet", "{}"), "'greet' refuses $: Input should be a valid string"),
    "no JSON": (_just("enqueue", "greet", "Ann"), "The payload is not JSON at column 1"),
    "not storable": (_just("enqueue", "greet", "[NaN]"), "$[0] is nan, which JSON cannot hold"),
    "out of range": (_just("enqueue", "greet", '"Ann"', "--priority", "99999"), "priority= takes a whole number"),
    "two times": (_just("enqueue", "greet", '"Ann"', "--delay", "5", "--at", "2030-01-01"), "not both"),
    "no state": (_just("jobs", "list", "--state", "odd"), "'odd' is not a state: pending, running"),
    "no cursor": (_just("jobs", "list", "--cursor", "odd"), "'odd' is not a job id"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_exits_with_1(run: Run, shop: Tickover, name: str) -> None:
    made, said = REFUSED[name]
    assert_refused(run(*made(shop, run)), 1, said)


USAGE = {
    "unknown verb": (("lst",), "No such command 'lst'"),
    "unknown verb of a noun": (("jobs", "lst"), "Try: tickover jobs --help"),
    "unknown option": (("tick", "--sconds", "5"), "No such option"),
    "argument missing": (("jobs", "show"), "ID"),
    "option missing": (("dead", "purge"), "--queue"),
    "no number": (("tick", "--seconds", "soon"), "--seconds"),
    "no duration": (("enqueue", "greet", "--delay", "soon"), "'soon': expected seconds, or a number with ms, s, m, h"),
    "no instant": (("enqueue", "greet", "--at", "noon"), "'noon': expected a time such as 2030-01-31T09:00"),
    "no queues": (("tick", "--queues", "default=many"), "expected name=concurrency pairs"),
    "no meta": (("enqueue", "greet", "--meta", "colour"), "'colour': expected key=value"),
    "unknown part": (("tick", "--only", "half"), "--only"),
    "nothing to retry": (("dead", "retry"), "name ids, or say which by --kind"),
    "too much to retry": (("dead", "retry", "--all", "--kind", "fail"), "name ids, or say which by --kind"),
}


@pytest.mark.parametrize("name", USAGE)
def test_what_cannot_be_understood_exits_with_2(run: Run, shop: Tickover, name: str) -> None:
    args, said = USAGE[name]
    assert_refused(run(*args), 2, said)


def test_nothing_at_all_shows_the_help_and_exits_with_2_or_as_typer_does(run: Run) -> None:
    answer = run()
    assert answer.exit_code in (0, 2)  # 0 before Click 8.2
    assert "Exit codes" in answer.stdout + answer.stderr


UNUSABLE = {
    "unknown scheme": ("mysql://me:secret@host/db", "'mysql' is not a database that Tickover knows"),
    "no url": ("jobs.db", "is not a database that Tickover knows"),
    "two slashes": ("sqlite://jobs.db", "three slashes"),
    "no folder": ("sqlite:////no/such/folder/jobs.db", "SQLite cannot open /no/such/folder/jobs.db"),
    "no SQLite file": ("sqlite:///text.txt", "file is not a database"),
    "nobody listens": ("postgresql://me:secret@127.0.0.1:1/db", "PostgreSQL cannot be reached"),
}


@pytest.mark.parametrize("verb", ["stats", "migrate"])
@pytest.mark.parametrize("name", UNUSABLE)
def test_a_database_that_cannot_be_used_exits_with_3(run: Run, name: str, verb: str) -> None:
    url, said = UNUSABLE[name]
    Path("text.txt").write_text("not a database, but long enough to be looked at " * 30)
    answer = run(verb, "--database", url)
    assert_refused(answer, 3, said)
    assert "secret" not in answer.stderr


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "args", [("stats",), ("jobs", "list"), ("health",), ("events",), ("enqueue", "ocr", "--remote")], ids=" ".join
)
def test_a_database_without_our_tables_exits_with_3_and_names_migrate(
    run: Run, database_url: str, args: tuple[str, ...]
) -> None:
    assert_refused(run(*args, "--database", database_url), 3, "run `tickover migrate`")


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("verb", ["tick", "drain"])
def test_a_tick_on_a_database_without_our_tables_exits_with_3(
    run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    Path("shop.py").write_text(f"from tickover import Tickover\njobs = Tickover({database_url!r})\n")
    monkeypatch.setenv("TICKOVER_APP", "shop:jobs")
    assert_refused(run(verb), 3, "run `tickover migrate`")


def test_a_setting_that_cannot_be_read_exits_with_3(
    run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKOVER_LEASE", "soon")
    assert_refused(run("stats", "--database", migrated_url), 3, "TICKOVER_LEASE='soon' cannot be read")


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_health_exits_with_4_while_a_due_job_waits_too_long(run: Run, shop: Tickover) -> None:
    assert run("health").exit_code == 0
    shop.enqueue("greet", "Ann", remote=True)
    assert run("health").exit_code == 0
    answer = run("health", "--patience", "0")
    assert (answer.exit_code, answer.stderr) == (4, "")
    assert "1 jobs are due" in answer.stdout


def test_a_traceback_is_printed_only_when_asked_for(run: Run, shop: Tickover, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = run("jobs", "show", "0badcafe").stderr
    monkeypatch.setenv("TICKOVER_DEBUG", "1")
    answer = run("jobs", "show", "0badcafe")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Traceback (most recent call last):")
    assert answer.stderr.endswith(plain)


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (TypeError("a bug"), 1, "TypeError: a bug (TICKOVER_DEBUG=1 shows where)"),
        (sqlite3.OperationalError("odd"), 3, "The database said: OperationalError: odd"),
    ],
    ids=["a bug of ours", "a driver's own error"],
)
def test_whatever_else_is_raised_is_one_line_too(
    run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch, *, raised: Exception, code: int, said: str
) -> None:
    def stats(_jobs: Tickover) -> None:
        raise raised

    monkeypatch.setattr(Tickover, "stats", stats)
    assert_refused(run("stats", "--database", migrated_url), code, said)


def test_an_error_cannot_steer_the_terminal(run: Run, shop: Tickover) -> None:
    answer = run("jobs", "list", "--state", "\x1b[31m\nred")
    assert "\x1b" not in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_ctrl_c_exits_with_130(run: Run, shop: Tickover, monkeypatch: pytest.MonkeyPatch) -> None:
    def stats(_jobs: Tickover) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Tickover, "stats", stats)
    answer = run("stats")
    assert (answer.exit_code, answer.stdout, answer.stderr) == (130, "", "")


def test_a_process_exits_as_the_command_does(start: Start, migrated_url: str) -> None:
    for args, code in (
        (("version",), 0),
        (("jobs", "show", "0badcafe", "--database", migrated_url), 1),
        (("lst",), 2),
        (("stats", "--database", "mysql://host/db"), 3),
    ):
        process = start(*args)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == code, stderr
        assert (stdout == "", stderr.count("\n")) == ((code != 0), int(code != 0))
