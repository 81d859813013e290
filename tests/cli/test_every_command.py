"""Whatever is wrong with the database, every command says so in one line, says what to do, and exits with 3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from tests.cli.conftest import SHOP, Run
from tests.support.raw import Raw
from tickover.cli.main import app
from tickover.domain.ids import new_id

#: What stands for an argument of this name; a new one fails the first test below until it has its value here.
ARGUMENTS = {
    "job": new_id(), "ids": new_id(), "kind": "greet", "name": "sweep", "payload": '"Ann"', "queue": "emails", "most": "3",
}  # fmt: skip
OPTIONS = {"queue": "emails"}
#: Commands that ask no database.
WITHOUT = {"version", "password"}


def leaves() -> dict[str, Any]:
    """Every command that does something, by its words."""
    found: dict[str, Any] = {}

    def walk(words: str, command: Any) -> None:
        below = getattr(command, "commands", {})
        if words and (not below or command.invoke_without_command):
            found[words] = command
        for word, one in below.items():
            walk(f"{words} {word}".strip(), one)

    walk("", typer.main.get_command(app))
    return {words: command for words, command in found.items() if words not in WITHOUT}


def line(words: str, command: Any) -> list[str]:
    """The command with what it cannot do without."""
    given = words.split()
    for param in command.params:
        if param.param_type_name == "argument":
            given.append(ARGUMENTS[param.name])
        elif param.required:
            given += [param.opts[0], OPTIONS[param.name]]
        elif param.name == "yes":
            given.append("--yes")
    return given


COMMANDS = {words: line(words, command) for words, command in leaves().items()}
every_command = pytest.mark.parametrize("words", COMMANDS)
#: Of all commands, those that may meet a database without our tables, since they make them.
MIGRATES = {"migrate", "dev"}


def ask(run: Run, words: str, url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the command on an application with this database."""
    Path("shop.py").write_text(SHOP.format(url=url))
    monkeypatch.setenv("TICKOVER_APP", "shop:jobs")
    return run(*COMMANDS[words])


def assert_one_line(answer: Any, words: str, *said: str) -> None:
    assert "secret" not in answer.stdout + answer.stderr
    if words == "doctor":  # it looks at everything and then says what is broken: that is its answer
        assert answer.exit_code == 4
        assert any(one in answer.stdout for one in said), answer.stdout
        return
    assert (answer.exit_code, answer.stdout) == (3, ""), answer.stderr
    assert answer.stderr.startswith("tickover: ")
    assert answer.stderr.count("\n") == 1, answer.stderr
    assert any(one in answer.stderr for one in said), answer.stderr


@every_command
def test_an_address_that_is_none(run: Run, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = ask(run, words, "mysql://me:secret@host/db", monkeypatch)
    assert_one_line(answer, words, "'mysql' is not a database that Tickover knows")


@every_command
@pytest.mark.parametrize("url", ["postgresql://me:secret@127.0.0.1:1/db", "sqlite:////no/such/folder/jobs.db"])
def test_a_database_that_cannot_be_reached(run: Run, words: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_one_line(ask(run, words, url, monkeypatch), words, "cannot be reached", "cannot open")


@pytest.mark.parametrize("words", [words for words in COMMANDS if words not in MIGRATES])
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_database_without_our_tables(
    run: Run, words: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_one_line(
        ask(run, words, database_url, monkeypatch), words, "run `tickover migrate`", "Run `tickover migrate`"
    )


@every_command
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_tables_of_newer_code(run: Run, words: str, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Raw(migrated_url) as raw:
        raw.rows("UPDATE tickover_version SET version_num = '9999'")
    assert_one_line(ask(run, words, migrated_url, monkeypatch), words, "deploy the newer code")


@pytest.mark.parametrize("words", [words for words in COMMANDS if words not in MIGRATES])
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_tables_of_older_code(run: Run, words: str, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Raw(migrated_url) as raw:
        raw.rows("UPDATE tickover_version SET version_num = '0001'")
    assert_one_line(ask(run, words, migrated_url, monkeypatch), words, "`tickover migrate`")
