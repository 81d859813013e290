"""The demo tells its story, proves it from the event log, and fails when the log says otherwise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "examples" / "demo" / "run.py"


def demo(folder: Path, *python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *(python or (str(DEMO),))],
        cwd=DEMO.parent,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def shown_in_the_readme() -> list[str]:
    """What the README shows of the demo's story."""
    (told,) = re.findall(
        r"^```text\n(Tick 1 .*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return str(told).splitlines()


def test_a_tick_is_killed_and_no_job_is_lost_or_done_twice(tmp_path: Path) -> None:
    done = demo(tmp_path)
    said = done.stdout

    assert (done.returncode, done.stderr) == (0, ""), said + done.stderr
    files = int(re.findall(r"(\d+) files, one job each", said)[0])
    held = int(re.findall(r"killed with -9 in the middle, while it held (\d+) jobs", said)[0])
    assert held > 0
    assert f"took back {held} of the dead tick's jobs" in said
    assert re.search(rf"completed\W+{files}\b", said)
    assert said.count("  yes  ") == 6
    assert [*tmp_path.iterdir()] == []
    lines = {re.sub(r"\d+", "N", line) for line in said.splitlines()}
    assert {re.sub(r"\d+", "N", line) for line in shown_in_the_readme()} <= lines | {"…"}


def test_it_fails_when_something_is_off(tmp_path: Path) -> None:
    # The same demo, whose files change behind its back: the sums are no longer those of a plain count.
    change = "import run; run.SICK = 'no such file'; raise SystemExit(run.main())"
    done = demo(tmp_path, "-c", change)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "NO   2 retries" in done.stdout
