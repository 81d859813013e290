"""The layers as `make check` enforces them, and what a light import and plain SQL mean in the running program."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.test_tree import SOURCES, SQL, UNFENCED, ids

ROOT = Path(__file__).parents[2]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS = {contract["name"]: contract for contract in LINTER["contracts"]}
SQL_WORD = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|WITH RECURSIVE)\b", re.DOTALL)


def test_make_check_lints_imports_by_the_four_contracts() -> None:
    assert set(CONTRACTS) == {
        "Layers import downward only",
        "The engine knows the port, not the database",
        "Deciding needs no database driver, and the engine names none",
        "The core runs without any extra",
    }
    assert "lint-imports" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_part_of_the_package_has_a_layer() -> None:
    layers = CONTRACTS["Layers import downward only"]
    named = set(re.findall(r"\w+", " ".join(layers["layers"])))
    parts = {path.stem if path.suffix else path.name for path in (ROOT / "src" / "tickover").iterdir()} - {"__init__"}

    assert layers["exhaustive"]
    assert parts - {"__pycache__", "py"} <= named


def test_the_imports_keep_the_contracts() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)

    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("database", ["sqlite://", "postgresql://nobody@nowhere/x"])
def test_an_application_and_its_handlers_are_made_without_a_heavy_library(database: str) -> None:
    code = f"""
import sys
from tickover import Tickover, Context
jobs = Tickover({database!r}, imports=[])
@jobs.job
def greet(ctx: Context, name: str, times: int = 1) -> str | None: ...
greet.new("ann", times=2)
print(sorted({{"sqlalchemy", "pydantic", "alembic", "psycopg"}} & set(sys.modules)))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert ended.stdout.strip() == "[]"


def test_plain_jobs_on_sqlite_run_without_a_heavy_library(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    migrate = f"from tickover import Tickover; Tickover({url!r}).migrate()"
    subprocess.run([sys.executable, "-c", migrate], check=True, timeout=60)
    code = f"""
import sys
from tickover import Tickover
jobs = Tickover({url!r})
@jobs.job
def add(a: int, b: int) -> int | None: return a + b
add.enqueue(1, 2)
assert jobs.tick(10).completed == 1
print(sorted({{"sqlalchemy", "pydantic", "alembic", "psycopg"}} & set(sys.modules)))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_sql_is_neither_formatted_nor_added_up(path: Path) -> None:
    made = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        parts: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            parts = [node.left, node.right]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            parts = [node.func.value]
        made += [
            ast.unparse(part)[:60]
            for part in parts
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and SQL_WORD.search(part.value)
        ]
    assert made == []


def test_the_list_of_writes_without_a_fence_has_no_name_too_many() -> None:
    writes = re.compile(r"^\s*(UPDATE jobs\b|DELETE FROM jobs\b)|\b(UPDATE|DELETE FROM) jobs\b", re.MULTILINE)
    for dialect in ("postgresql", "sqlite"):
        for name in UNFENCED:
            assert writes.search((SQL / dialect / f"{name}.sql").read_text(encoding="utf-8")), (dialect, name)


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_a_module_says_why_it_exists(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert said
    assert len(said.splitlines()) <= 14  # the tree of errors is drawn in one
