"""The examples print what they promise, as somebody sees it who runs them from a clone, and leave nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
Run = Callable[..., list[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs an example in folders of its own, which must be empty afterwards; returns what it prints."""
    here, temporary = tmp_path / "here", tmp_path / "tmp"
    here.mkdir()
    temporary.mkdir()

    def run_it(name: str, *arguments: str) -> list[str]:
        env = {key: value for key, value in os.environ.items() if not key.startswith("TICKOVER_")}
        done = subprocess.run(
            [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
            cwd=here,
            env={**env, "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), f"{done.stdout}\n{done.stderr}"
        assert [*here.iterdir(), *temporary.iterdir()] == []
        return done.stdout.splitlines()

    return run_it


def test_basic_sends_both_mails_the_important_one_first(run: Run) -> None:
    assert run("basic.py") == [
        "Sending email to admin@example.com: Report",
        "Sending email to user@example.com: Hello",
        "The tick ran 2 jobs and stopped because it was empty.",
    ]


def test_priority_is_exact_with_one_slot(run: Run) -> None:
    order = [line.removeprefix("Processing: ") for line in run("priority.py")]

    assert order == ["CRITICAL", "URGENT", "medium", "low-priority-1", "low-priority-2"]


def test_error_handling_treats_each_error_as_it_says(run: Run) -> None:
    lines = [line.strip() for line in run("error_handling.py")]

    def about(endpoint: str) -> list[str]:
        return [re.sub(r"\s+", " ", line).removeprefix(f"{endpoint} ") for line in lines if line.startswith(endpoint)]

    assert about("/invalid") == [
        "attempt 1: invalid endpoint; failed for good",
        "1 failures, the last: invalid endpoint",
    ]
    assert about("/rate-limited") == ["attempt 1: rate limited; again after 1.500 s", "200 OK at attempt 2"]
    assert about("/flaky") == [
        "attempt 1: temporary network error; again after 0.200 s",
        "attempt 2: temporary network error; again after 0.400 s",
        "200 OK at attempt 3",
    ]
    assert about("/down")[-2:] == [
        "attempt 4: connection refused; failed for good",
        "4 failures, the last: connection refused",
    ]


def test_scheduled_fires_each_slot_once_and_what_was_missed_once(run: Run) -> None:
    lines = run("scheduled.py")
    checks = [line for line in lines if "Health check" in line]

    assert checks == [f"[{at}:00] Health check: OK" for at in ("02:00", "02:01", "03:01", "04:01")]
    assert (lines.count("Running hourly task..."), lines.count("Running weekly backup...")) == (3, 1)
    assert lines[-4:] == [
        "daily-report: daily 09:00 UTC, next Sun 09:00",
        "health-check: every 60s, next Sun 04:02",
        "hourly-task: cron 0 * * * * UTC, next Sun 05:00",
        "weekly-backup: weekly sunday 02:00 UTC, next Sun 02:00",
    ]


def test_observability_tells_of_everything_that_happened(run: Run) -> None:
    lines = run("observability.py")
    hooks = sorted(re.sub(r" [0-9a-f]{8}\b", "", line) for line in lines if line.startswith("["))

    assert [re.sub(r"\d+:\d\d:\d\d[.\d]*", "TIME", line) for line in hooks] == [
        "[DONE] completed in TIME",
        "[DONE] completed in TIME",
        "[FAIL]: not an image",
        "[RETRY] attempt 1: the image server did not answer",
        *["[START] (resize)"] * 4,
    ]
    assert sum(line.startswith("metric: ") for line in lines) == 2
    assert "alert: not an image" in lines
    assert "events: JobCompleted 2, JobEnqueued 3, JobFailed 1, JobRetrying 1, JobStarted 4, Progress 2" in lines
    assert "stats: completed 2, failed 1" in lines
    assert lines[-1] == "health: ok (1 dead letter)"


def test_distributed_runs_each_task_once_whoever_takes_it(run: Run, migrated_url: str) -> None:
    lines = run("distributed.py", "--database", migrated_url, "--ticks", "2")
    tasks = [int(line.rpartition(" ")[2]) for line in lines if "Processing task" in line]

    assert sorted(tasks) == list(range(1, 25))
    assert lines[-1] == "24 of 24 tasks were started once and completed once, by 2 processes."


def test_distributed_needs_no_database_of_yours(run: Run) -> None:
    assert run("distributed.py", "--ticks", "2")[-1].startswith("24 of 24 tasks")


def test_every_example_is_in_the_list() -> None:
    listed = set(re.findall(r"\]\(([\w/]+\.py)\)", (EXAMPLES / "README.md").read_text(encoding="utf-8")))

    assert listed == {path.name for path in EXAMPLES.glob("*.py")} | {"demo/run.py"}
