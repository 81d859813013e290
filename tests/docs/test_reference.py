"""The reference names all there is, and nothing else."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tests.docs.pages import ROOT, blocks, code_words
from tickover import AsyncContext, Context, Settings, errors, events
from tickover.cli.main import app
from tickover.domain.states import TRANSITIONS
from tickover.store.tables import metadata

REFERENCE = ROOT / "docs" / "reference"
EXPLANATION = ROOT / "docs" / "explanation"
SOURCE = ROOT / "src" / "tickover"


def rows(page: Path) -> set[str]:
    """The names in the first column of a page's tables."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return {name for line in lines if line.startswith("| `") for name in re.findall(r"`([^`]+)`", line.split("|")[1])}


def test_every_setting_is_in_the_reference() -> None:
    assert rows(REFERENCE / "settings.md") == {field.name for field in fields(Settings)}


def test_every_error_is_in_the_reference() -> None:
    assert set(errors.__all__) <= code_words(REFERENCE / "errors.md") | {"TickoverError"}
    assert rows(REFERENCE / "errors.md") <= set(errors.__all__)


def test_every_event_is_in_the_reference() -> None:
    assert rows(REFERENCE / "events.md") == set(events.__all__) - {"Event"}


def test_the_reference_says_which_fields_an_event_has_besides() -> None:
    lines = [line for line in (REFERENCE / "events.md").read_text().splitlines() if line.startswith("| `")]
    for line in lines:
        name, besides = re.findall(r"`([^`]+)`", line.split("|")[1])[0], line.split("|")[3]
        own = {field.name for field in fields(events.TYPES[name])} - {field.name for field in fields(events.Event)}
        assert own == {word for word in re.findall(r"`([^`]+)`", besides) if word.isidentifier()}, name


def test_every_verb_and_fact_of_a_context_is_in_the_reference() -> None:
    inner = {
        "ask",
        "branch",
        "child",
        "close",
        "flow",
        "frame",
        "is_async",
        "log_fields",
        "options",
        "owner",
        "place",
        "scope",
    }
    public = {name for name in dir(AsyncContext) if not name.startswith("_")} - inner
    shown = {re.split(r"[.(]", name.removeprefix("ctx."))[0] for name in rows(REFERENCE / "context.md")}

    assert shown - {"url", "wait", "state", "token"} == public
    assert {name for name in dir(Context) if not name.startswith("_")} - inner == public - {"gather"}


def test_every_table_is_in_the_reference() -> None:
    assert set(metadata.tables) <= rows(REFERENCE / "database.md")


@pytest.mark.parametrize("table", ["jobs"])
def test_every_column_is_in_the_reference(table: str) -> None:
    assert {column.name for column in metadata.tables[table].columns} <= rows(REFERENCE / "database.md")


def test_every_command_is_in_the_reference_with_its_options() -> None:
    lines = [line.split("|") for line in (REFERENCE / "cli.md").read_text().splitlines() if line.startswith("| `")]
    shown = {
        re.sub(r" [\[A-Z].*", "", cells[1].strip(" `")): set(re.findall(r"`(--[a-z-]+)`", cells[3])) for cells in lines
    }

    assert shown == commands()


def commands() -> dict[str, set[str]]:
    """Every command with its own options; the common ones are told once."""
    found: dict[str, set[str]] = {}

    def walk(name: str, command: Any) -> None:
        options = {opt for param in command.params for opt in param.opts if opt.startswith("--")}
        below = getattr(command, "commands", {})
        if name and (not below or command.invoke_without_command):
            found[name] = options - {"--app", "--database", "--json", "--help"}
        for verb, one in below.items():
            walk(f"{name} {verb}".strip(), one)

    walk("", typer.main.get_command(app))
    return found


def test_the_state_diagram_is_the_table_of_transitions() -> None:
    (diagram,) = [block for block in blocks(EXPLANATION / "state-machine.md") if block.language == "mermaid"]
    drawn = set(re.findall(r"^\s+(\w+) --> (\w+)", diagram.text, re.MULTILINE))

    assert drawn == {(start, end) for start, ends in TRANSITIONS.items() for end in ends}


def test_the_tree_on_the_architecture_page_is_the_tree() -> None:
    (drawn,) = [block.text for block in blocks(EXPLANATION / "architecture.md") if "src/tickover/\n" in block.text]
    found, folder = set(), SOURCE
    for line in drawn.splitlines()[1:]:
        if line.strip():
            name = line.split()[0]
            if line.startswith("  ") and not line.startswith("    "):
                folder = SOURCE / name if name.endswith("/") else SOURCE
            found.add(folder / name if line.startswith("    ") else SOURCE / name)
    edges = {SOURCE / "cli", SOURCE / "aws", SOURCE / "web"}
    there = {path for path in SOURCE.rglob("*.py") if not edges & set(path.parents) and "migrations" not in path.parts}

    assert [path for path in found if not path.exists()] == []
    assert {path for path in there if path.name not in ("__init__.py", "__main__.py")} <= found
