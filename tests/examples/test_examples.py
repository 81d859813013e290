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


def test_workflow_repeats_nothing_that_was_done(run: Run) -> None:
    lines = run("workflow.py")
    done = [line.partition(":")[0].strip() for line in lines if line.startswith("  ")]

    assert done == ["validate-order", "charge-payment", "book", "ship-order"]
    assert [line for line in lines if line.startswith("process-order")] == [
        "process-order, attempt 1",
        "process-order, attempt 2",
    ]
    steps = "validate-order#0, charge-payment#0, book#0, ship-order#0, enqueue#0"
    assert lines[-3:] == [
        "send-email, a job of its own: to customer@example.com: ORD-001 is on its way as parcel-9",
        f"completed after 2 runs of the handler; recorded: {steps}",
        "rows in our table: 1",
    ]


def test_fan_out_shows_what_each_strategy_makes_of_a_failure(run: Run) -> None:
    assert run("fan_out.py") == [
        "FailFast, all good: generated 4 thumbnails",
        "FailFast, one broken: failed, with 4 of 5 slots completed by then",
        "Threshold(0.8): 4 of 5 are enough for 80%",
        "Threshold(0.9): less than 90%",
        "nested, 3 albums: 12",
        "CollectAll:",
        *[f"  slot {n - 1}: https://example.com/image{n}.jpg/thumb" for n in (1, 2, 3, 4)],
        "  slot 4: Child … failed: NoRetry: image 5 has no address",
        "That one had 5 children, and waited for them 1 time, in no slot.",
    ]


def test_workflow_errors_tells_a_retried_step_from_a_branch_and_from_an_end(run: Run) -> None:
    assert [" ".join(line.split()) for line in run("workflow_errors.py")] == [
        "patient: completed after 1 run: ['flaky ok', 'busy ok']",
        "really called: flaky 3x, busy 2x",
        "recorded: flaky#0 flaky ok",
        "recorded: busy#0 busy ok",
        "branching: completed after 2 runs: ['invoice ok', 'printer ok']",
        "really called: card 1x, invoice 1x, printer 2x",
        "recorded: card#0 NoRetry: the card has expired",
        "recorded: invoice#0 invoice ok",
        "recorded: printer#0 printer ok",
        "strict: failed after 1 run: the card has expired",
        "really called: stock 1x, card 1x",
        "recorded: stock#0 stock ok",
    ]


def test_approval_waits_for_days_and_asks_somebody_else_in_time(run: Run) -> None:
    assert run("approval.py") == [
        "Monday:",
        "    to the controller: please decide on expense 1 over 19.50",
        "    to the controller: please decide on expense 2 over 480.00",
        "    to the controller: please decide on expense 3 over 12000.00",
        "Tuesday:",
        "Wednesday:",
        "    to the head of finance: nobody decided on expense 3 in two days",
        "Thursday:",
        "expense 1: approved by the controller; the handler ran 2 times, a moment each",
        "expense 2: refused by the controller; the handler ran 2 times, a moment each",
        "expense 3: expired; the handler ran 3 times, a moment each",
    ]


def test_payment_callback_takes_the_first_answer_of_the_right_shape(run: Run) -> None:
    lines = [line.strip() for line in run("payment_callback.py")]

    assert [re.findall(r": (\d{3}), ", line)[0] for line in lines if re.search(r": \d{3}, ", line)] == [
        "404", "422", "200", "200", "409", "410",
    ]  # fmt: skip
    assert "ORD-1: paid, reference T-77" in lines
    assert "ORD-2: not paid within an hour" in lines


def test_backfill_spans_many_short_ticks_and_changes_each_row_once(run: Run) -> None:
    lines = run("backfill.py")
    ticks = [line for line in lines if line.startswith("tick ")]

    assert len(ticks) >= 5
    assert all(line.endswith("to be continued") for line in ticks[:-1])
    assert lines[-2:] == [
        f"completed: 1,000,000 rows in {len(ticks)} ticks of 2 s; 1 record is left of it all",
        "1,000,000 of 1,000,000 rows were changed exactly once",
    ]


def test_agent_pays_for_no_answer_twice(run: Run) -> None:
    lines = run("agent.py")

    assert lines.count("agent asks: First or second class?") == 3
    assert lines[2] == "agent asks: First or second class?"
    asked = "model 4x, trains 1x, weather 1x, prices 1x"  # one of the four was refused: the model was overloaded
    assert f"The handler ran 3 times. Really asked: {asked}." in lines
    assert [line.split()[0] for line in lines if line.startswith("  ")] == [
        "model#0", "gather#0[0]/trains#0", "gather#0[1]/weather#0", "gather#0[2]/prices#0", "model#1", "signal:answer#0",
        "model#2",
    ]  # fmt: skip


def test_every_example_is_in_the_list() -> None:
    listed = set(re.findall(r"\]\(([\w/]+\.py)\)", (EXAMPLES / "README.md").read_text(encoding="utf-8")))

    assert listed == {path.name for path in EXAMPLES.glob("*.py")} | {"demo/run.py"}
