"""A small shop with a database of its own, in a folder of its own; and the command line, called in process or started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner

from tickover import Tickover

Run: TypeAlias = Callable[..., Any]
Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]

SHOP = """
import threading
from tickover import Context, Tickover

jobs = Tickover({url!r})
something_else = 3

@jobs.job
def greet(name: str) -> str:
    return f"Hello {{name}}"

@jobs.job(retries=0)
def fail(why: str) -> None:
    raise ValueError(why)

@jobs.job
def patient(ctx: Context) -> None:
    print("started", flush=True)
    while True:
        ctx.check()
        threading.Event().wait(0.02)

@jobs.job
def deaf() -> None:
    print("started", flush=True)
    threading.Event().wait(60)
"""


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Each test stands in an empty folder, with no variable of ours, and leaves no module behind."""
    for name in [name for name in os.environ if name.startswith("TICKOVER_")]:
        monkeypatch.delenv(name)
    for name in ("DATABASE_URL", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "shop-folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in [name for name in set(sys.modules) - before if name.partition(".")[0] in ("shop", "other")]:
        del sys.modules[name]


@pytest.fixture
def run() -> Run:
    """`run("jobs", "list")`: the command line in this process; the result has exit_code, stdout, stderr."""
    from tickover.cli.main import app

    def invoke(*args: str, given: str | None = None) -> Any:
        return CliRunner().invoke(app, list(args), input=given)

    return invoke


@pytest.fixture
def shop(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tickover]:
    """The shop's jobs, seen from outside; the command line finds them by TICKOVER_APP."""
    Path("shop.py").write_text(SHOP.format(url=migrated_url))
    monkeypatch.setenv("TICKOVER_APP", "shop:jobs")
    with Tickover(migrated_url) as jobs:
        yield jobs


@pytest.fixture
def start() -> Iterator[Start]:
    """`start("tick")`: the command line as a process of its own, ended with the test whatever happens."""
    started: list[subprocess.Popen[str]] = []

    def begin(*args: str, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen([sys.executable, "-m", "tickover", *args], text=True, **pipes)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
