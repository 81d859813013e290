"""The types are part of the contract: programs are clean and mistakes are caught, by mypy and by pyright, both strict."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROGRAMS = sorted((HERE / "programs").glob("*.py"))
MISTAKES = HERE / "mistakes.py"
FILES = [*PROGRAMS, MISTAKES]


@cache
def mypy() -> dict[Path, list[int]]:
    """Lines with errors per file, by mypy --strict."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--enable-error-code",
        "unused-awaitable",
        "--no-error-summary",
    ]
    ended = subprocess.run(
        [*command, *map(str, FILES)], cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    return by_file(
        (ROOT / found[1], int(found[2])) for found in re.finditer(r"^(.+?):(\d+): error", ended.stdout, re.MULTILINE)
    )


@cache
def pyright() -> dict[Path, list[int]]:
    """Lines with errors per file, by pyright strict."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    command += ["--project", str(HERE / "pyrightconfig.json")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    said = [d for d in json.loads(ended.stdout)["generalDiagnostics"] if d["severity"] == "error"]
    return by_file((Path(d["file"]), d["range"]["start"]["line"] + 1) for d in said)


def by_file(errors: Iterable[tuple[Path, int]]) -> dict[Path, list[int]]:
    found: dict[Path, set[int]] = {path: set() for path in FILES}
    for path, line in errors:
        found.setdefault(path, set()).add(line)
    return {path: sorted(lines) for path, lines in found.items()}


@pytest.mark.parametrize("check", [mypy, pyright])
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_has_no_error(path: Path, check: Callable[[], dict[Path, list[int]]]) -> None:
    assert check()[path] == []


@pytest.mark.parametrize("check", [mypy, pyright])
def test_each_mistake_is_caught_and_nothing_else(check: Callable[[], dict[Path, list[int]]]) -> None:
    lines = MISTAKES.read_text(encoding="utf-8").splitlines()
    marked = [number for number, line in enumerate(lines, start=1) if "# error: " in line]
    assert len(marked) == 11
    assert check()[MISTAKES] == marked


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_also_runs(path: Path) -> None:
    subprocess.run([sys.executable, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
