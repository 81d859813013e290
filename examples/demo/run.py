"""The demo: Tickover counts its own source files, one job each, and one of its processes is killed half-way.

Run it: make demo. It takes about ten seconds, leaves nothing behind, and fails if a single job is lost or done twice.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from tickover import Tickover

SOURCE = Path(__file__).resolve().parents[2] / "src"
APPLICATION = Path(__file__).with_name("app.py")
SICK = "errors.py"  # the file whose job fails twice, on purpose
LEASE = "2s"  # short, so that the demo need not wait a minute for the dead tick's jobs
MOST_TICKS = 20

console = Console(highlight=False, soft_wrap=True)
Watch = Callable[[int], object]


def main() -> int:
    with TemporaryDirectory() as folder:
        for name in [name for name in os.environ if name.startswith("TICKOVER_")]:
            del os.environ[name]  # yours; the demo has its own
        os.environ.update(TICKOVER_DATABASE_URL=f"sqlite:///{Path(folder) / 'jobs.db'}", TICKOVER_LEASE=LEASE)
        from app import count_file, jobs  # here, because it reads the environment

        with jobs:
            jobs.migrate()
            files = sorted(path for pattern in ("*.py", "*.sql") for path in SOURCE.rglob(pattern))
            console.print(f"Tickover counts its own source: {len(files)} files, one job each, in a SQLite file.\n")
            ids = jobs.enqueue_many(
                count_file.using(priority=1).new(str(path), trouble=2)
                if path.name == SICK
                else count_file.new(str(path))
                for path in files
            )
            with bar() as progress:
                work = progress.add_task("jobs completed", total=len(files))
                held = run(jobs, len(files), lambda done: progress.update(work, completed=done))
            return report(jobs, [count_file.result(job_id, wait=1) for job_id in ids], files, held)


def run(jobs: Tickover, total: int, watch: Watch) -> int:
    """Starts one tick after the other, as a timer would, and kills the first; returns how many jobs that one held."""
    tick(watch, 0, kill_at=total // 3)
    held = jobs.stats().by_state["running"]
    console.print(f"Tick 1 was killed with -9 in the middle, while it held {held} jobs. Nobody cleans up after it.")
    for number in range(2, MOST_TICKS):
        said = tick(watch, jobs.stats().by_state["completed"])
        line = f"Tick {number} completed {said['completed']}"
        line += f", took back {said['reaped']} of the dead tick's jobs" if said["reaped"] else ""
        line += f", left {said['retried']} to be retried" if said["retried"] else ""
        if said["next_due_at"] is None:
            console.print(f"{line}. Nothing is due any more.\n")
            break
        pause = max(0.0, (datetime.fromisoformat(said["next_due_at"]) - datetime.now(UTC)).total_seconds())
        console.print(f"{line}. Something is due in {pause:.1f} s; until then, nothing runs.")
        time.sleep(pause + 0.05)
    return held


def tick(watch: Watch, done: int, *, kill_at: int | None = None) -> dict[str, Any]:
    """Runs one tick in a process of its own; returns its report, or nothing when it was killed."""
    process = subprocess.Popen([sys.executable, str(APPLICATION)], stdout=subprocess.PIPE, text=True)  # noqa: S603  # ours
    said = ""
    while letter := process.stdout.read(1):
        if letter != ".":
            said = letter + process.stdout.read()  # the report is the last it says
            break
        done += 1  # a dot for each job
        watch(done)
        if done == kill_at:
            process.kill()
    if process.wait() and kill_at is None:
        sys.exit(f"A tick ended with exit code {process.returncode}.")
    process.stdout.close()
    return dict(json.loads(said or "{}"))


def bar() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def report(jobs: Tickover, counts: list[Any], files: list[Path], held: int) -> int:
    """Prints what came of it and whether the event log agrees; returns the exit code."""
    table = Table("state", "jobs", title="Jobs by state", title_justify="left")
    for state, count in jobs.stats().by_state.items():
        table.add_row(state, str(count), style="" if count else "dim")
    console.print(table)
    lines, blank, words = (sum(getattr(count, what) for count in counts) for what in ("lines", "blank", "words"))
    console.print(f"\nCounted: {lines:,} lines ({blank:,} of them blank) and {words:,} words.\n")

    happened: Counter[str] = Counter()
    by_job: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for event in jobs.events():
        happened[type(event).__name__] += 1
        by_job[event.job_id or ""][type(event).__name__] += 1
    ends = ("JobCompleted", "JobRetrying", "JobReclaimed", "JobYielded")
    killed = [tick for tick in jobs.ticks() if tick.ended_at is None]
    checks = {
        "1 tick was killed": len(killed) == 1,
        f"{held} jobs were taken back, once each": held > 0
        and happened["JobReclaimed"] == held == sum(seen["JobReclaimed"] == 1 for seen in by_job.values()),
        f"2 retries, both of {SICK}": happened["JobRetrying"] == 2 == max(s["JobRetrying"] for s in by_job.values()),
        f"each of {len(files)} jobs completed exactly once": len(by_job) == len(files)
        and all(seen["JobCompleted"] == 1 for seen in by_job.values()),
        "every start has one recorded end": all(s["JobStarted"] == sum(s[e] for e in ends) for s in by_job.values()),
        "the sums are those of a plain count": words == sum(len(path.read_text("utf-8").split()) for path in files),
    }
    console.print("By the event log:")
    for claim, holds in checks.items():
        console.print(f"  {'yes' if holds else 'NO '}  {claim}")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
