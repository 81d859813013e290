"""The types are part of the contract: programs are clean and mistakes are caught, by mypy and by pyright, both strict.

A new program is a new file in `programs`; a new mistake is a line of `mistakes.py` that ends in `# error: why`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROGRAMS = sorted((HERE / "programs").glob("*.py"))
MISTAKES = HERE / "mistakes.py"

#: Where an error is: the file and the line.
Place = tuple[str, int]


def mypy() -> Iterator[Place]:
    """The errors of mypy --strict."""
    options = [
        "--strict",
        "--enable-error-code=unused-awaitable",
        "--no-error-summary",
        "--cache-dir=.mypy_cache/typing",
    ]
    ended = run("mypy", *options, *map(str, PROGRAMS), str(MISTAKES))
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    for found in re.finditer(r"^(.+?):(\d+): error", ended.stdout, re.MULTILINE):
        yield Path(found[1]).name, int(found[2])


def pyright() -> Iterator[Place]:
    """The errors of pyright strict."""
    project = str(HERE / "pyrightconfig.json")
    ended = run("pyright", "--outputjson", "--pythonpath", sys.executable, "--project", project)
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    said = json.loads(ended.stdout)
    assert said["summary"]["filesAnalyzed"] == len(PROGRAMS) + 1
    for found in said["generalDiagnostics"]:
        if found["severity"] == "error":
            yield Path(found["file"]).name, found["range"]["start"]["line"] + 1


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.parametrize("check", [mypy, pyright])
def test_every_mistake_is_caught_and_the_programs_are_clean(check: Callable[[], Iterator[Place]]) -> None:
    lines = MISTAKES.read_text(encoding="utf-8").splitlines()
    marked = [(MISTAKES.name, number) for number, line in enumerate(lines, start=1) if "  # error: " in line]

    assert len(marked) >= 40
    assert sorted(set(check())) == marked  # a set: what a line has wrong may be told as two errors


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_also_runs(path: Path) -> None:
    command = [sys.executable, "-W", "error", str(path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
