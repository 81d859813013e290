"""The tree is the architecture diagram, and these are its rules."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tickover
from tickover.store.verbs import verb

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
SQL = ROOT / "src" / "tickover" / "store" / "sql"
#: UPDATE or DELETE on jobs outside the fence of a lease, and why that is right.
UNFENCED = {
    "cancel": "ends a job whoever holds it; the holder's fence is void from then on",
    "claim": "takes pending jobs, which nobody holds; it makes the fence",
    "fired": "marks the jobs that its own transaction has just written",
    "limit_pass": "moves waiting jobs, which nobody holds",
    "pause_job": "asks; the holder's own fenced write lands it",
    "purge": "deletes only what is over",
    "resume_job": "moves paused jobs, which nobody holds, or calls a request off",
    "retain": "deletes only what is over",
    "send_signal": "counts the job's events; its row is locked, and nothing else of it changes",
    "wake": "moves waiting jobs, which nobody holds",
    "wake_due": "moves waiting jobs, which nobody holds",
    "retry": "moves failed and cancelled jobs, which nobody holds",
}


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> list[tuple[str, int]]:
    """Each function of a file with its length, its docstring aside."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            found.append((node.name, (node.end_lineno or 0) - body[0].lineno + 1))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_a_file_has_300_lines_at_most_and_a_function_40(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
    assert [name for name, length in functions(path) if length > 40] == []


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_only_clock_py_reads_a_clock_or_waits(path: Path) -> None:
    if path.name == "clock.py":
        return
    calls = {
        f"{node.func.value.id}.{node.func.attr}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
    }
    assert (
        calls & {"time.time", "time.time_ns", "time.monotonic", "time.sleep", "datetime.now", "datetime.utcnow"}
        == set()
    )


@pytest.mark.parametrize("layer", ["domain", "store", "engine", "app"])
def test_a_worker_never_loops_for_ever(layer: str) -> None:
    endless = [
        f"{ids(path)}:{node.lineno}"
        for path in sorted((ROOT / "src" / "tickover" / layer).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant)
    ]
    assert endless == []


def test_the_public_surface_is_a_decision() -> None:
    assert tickover.__all__ == sorted(tickover.__all__, key=lambda name: (not name.isupper(), name))
    assert all(
        hasattr(tickover, name) for name in tickover.__all__
    )  # those that are imported with their first use, too
    public = [name for name in vars(tickover) if not name.startswith("_")]
    modules = {
        "app",
        "codec",
        "clock",
        "config",
        "domain",
        "engine",
        "faults",
        "logs",
        "otel",
        "store",
        "cli",
        "testing",
        "web",
        "aws",
        "twin",
    }
    assert set(public) - modules - {"Any", "Mapping", "Sequence", "TYPE_CHECKING", "TypeAliasType"} == set(
        tickover.__all__
    )


@pytest.mark.parametrize("name", sorted(set(tickover.__all__) - {"JSON"}))
def test_every_public_name_says_what_it_is(name: str) -> None:
    assert (getattr(tickover, name).__doc__ or "").strip()


def test_both_dialects_have_the_same_verbs() -> None:
    names = {dialect: {path.stem for path in (SQL / dialect).glob("*.sql")} for dialect in ("postgresql", "sqlite")}
    assert names["postgresql"] == names["sqlite"]


@pytest.mark.parametrize("path", sorted(SQL.rglob("*.sql")), ids=ids)
def test_a_verb_begins_with_what_it_guarantees(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith(f"-- {path.stem}: ")


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
@pytest.mark.parametrize("name", sorted(path.stem for path in (SQL / "postgresql").glob("*.sql")))
def test_every_write_to_a_running_job_carries_its_fence(dialect: str, name: str) -> None:
    text = " ".join(verb(dialect, name).statements)
    if not re.search(r"UPDATE jobs\b|DELETE FROM jobs\b", text) or name in UNFENCED:
        return
    assert re.search(r"state = 'running' AND \w+\.epoch = t\.epoch AND \w+\.claim_id = t\.claim_id", text)


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_no_sql_is_put_together_from_strings(path: Path) -> None:
    made = [
        ast.unparse(node)[:60]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        and isinstance(first := node.values[0], ast.Constant)
        and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", str(first.value))
    ]
    allowed = {"migrate.py": 2}  # a table's name and a lock's number, both constants of that file
    assert len(made) <= allowed.get(path.name, 0), made


def test_importing_tickover_brings_no_heavy_library() -> None:
    code = "import sys, tickover; print(sorted({'sqlalchemy', 'pydantic', 'alembic', 'typer', 'rich', 'croniter', 'psycopg', 'boto3', 'fastapi'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.strip() == "[]"
