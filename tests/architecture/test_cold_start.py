"""What a cold start may load: a process pays for each module before it does anything. By names of modules, never by time.

Types come in under `TYPE_CHECKING`; what only some ticks need is imported in the function that needs it.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tickover

ROOT = Path(__file__).parents[2]
HEAVY = {"alembic", "boto3", "botocore", "croniter", "fastapi", "mangum", "pydantic", "rich", "sqlalchemy", "typer"}
#: What only certain jobs need: none of it comes with a job that has no limits, no steps and no children.
RARE = {
    "domain.admission", "domain.durations", "domain.fanout", "domain.limits", "domain.redact", "domain.schedule", "domain.slots",
    "engine.admit", "engine.cancel", "engine.fanning", "engine.reaper", "engine.retention", "engine.scheduler", "engine.steps",
    "engine.transaction", "engine.verbs", "engine.waits", "app.callbacks", "app.scheduling", "app.signals", "store.flow_port",
}  # fmt: skip
#: What only a tick needs that has claimed something.
JOBS = {"domain.checkpoint", "domain.decide", "domain.job", "domain.job_view", "domain.outcome", "domain.park", "engine.desk", "engine.drive",
        "engine.ending", "engine.execute", "engine.flush", "engine.flow", "engine.journal", "engine.loop", "engine.work", "app.question", "app.sessions", "store.lease_port"}  # fmt: skip
LAMBDA = """
from types import SimpleNamespace
context = SimpleNamespace(
    function_name="tick", invoked_function_arn="arn:aws:lambda:eu-west-1:000000000000:function:tick",
    memory_limit_in_mb="512", aws_request_id="1", get_remaining_time_in_millis=lambda: 30_000,
)
"""


def loaded(code: str, **env: str) -> set[str]:
    """The modules that a new process has loaded when this code has run, ours without `tickover.`."""
    said = "\nimport sys; print('LOADED', *sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code + said], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
        env={**os.environ, **env},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return {name.removeprefix("tickover.") for name in ended.stdout.rpartition("LOADED")[2].split()}


def test_importing_tickover_loads_nothing_else_of_it() -> None:
    before = loaded("from typing import TYPE_CHECKING, Any")

    assert loaded("import tickover") - before == {"tickover"}


def test_a_type_checker_and_python_find_each_public_name_in_the_same_place() -> None:
    tree = ast.parse(Path(tickover.__file__).read_text(encoding="utf-8"))
    typed = next(node for node in tree.body if isinstance(node, ast.If))
    read = {
        name.name: node.module
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
        if node.module != "tickover"
    }

    assert read == tickover._HOME_OF
    assert {*read, "errors", "events"} == set(tickover.__all__)
    assert all(getattr(tickover, name) is not None for name in tickover.__all__)
    with pytest.raises(ImportError, match="Tickovre"):
        from tickover import Tickovre  # type: ignore[attr-defined]  # noqa: F401  # that is the test


def test_an_empty_tick_of_the_example_loads_nothing_that_only_a_job_needs(migrated_url: str) -> None:
    code = LAMBDA + (
        "from handlers.tick import handler\n"
        "report = handler({}, context)\n"
        "assert report['stopped_because'] == 'empty' and report['cold'], report"
    )
    modules = loaded(code, TICKOVER_DATABASE_URL=migrated_url)

    assert modules & (HEAVY | JOBS | RARE - {"domain.schedule"}) == set(), "the example declares a schedule"


def test_an_empty_tick_on_postgresql_does_not_load_sqlite_and_the_other_way_round(
    migrated_url: str, dialect: str
) -> None:
    code = f"from tickover import Tickover\nassert Tickover({migrated_url!r}).tick(5).stopped_because == 'empty'"
    here, other = ("psycopg", "sqlite3") if dialect == "postgresql" else ("sqlite3", "psycopg")

    modules = loaded(code)

    assert here in modules
    assert other not in modules


def test_a_plain_job_loads_nothing_that_only_workflows_limits_and_schedules_need(migrated_url: str) -> None:
    code = f"""
from tickover import Tickover
jobs = Tickover({migrated_url!r})
@jobs.job
def add(a: int, b: int) -> int: return a + b
jobs.enqueue("add", {{"a": 1, "b": 2}})
assert jobs.tick(10).completed == 1
"""
    modules = loaded(code)

    assert "engine.execute" in modules
    assert modules & (RARE | HEAVY - {"pydantic"}) == set()


def test_a_lambda_function_has_its_driver_before_its_first_event(migrated_url: str, dialect: str) -> None:
    modules = loaded("from handlers.tick import handler", TICKOVER_DATABASE_URL=migrated_url)

    assert {"postgresql": "store.postgres", "sqlite": "store.sqlite"}[dialect] in modules
