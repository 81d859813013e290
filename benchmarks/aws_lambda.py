"""Lambda functions as they are deployed, in the twin: cold starts against a bare `SELECT 1`, and wake to handler start.

`make bench-lambda`. Real awslambdaric processes, the packaged and compiled bundle, a real PostgreSQL; both kinds of cold
start alternate in one run, so that only their ratio is to be believed.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support import postgres
from tickover import Tickover
from tickover.twin import Function, Platform, Rules

ROOT = Path(__file__).parents[1]
BUNDLE = ROOT / "dist" / "lambda" / f"bench-{sys.version_info.major}.{sys.version_info.minor}"
ROUNDS, WAKES = 9, 200
CODE = '''"""What is measured."""
import os, time
import psycopg
def bare(event, context):
    with psycopg.connect(os.environ["TICKOVER_DATABASE_URL"], autocommit=True, prepare_threshold=None) as connection:
        return connection.execute("SELECT 1").fetchone()[0]
'''
APP = '''"""One kind that says when it started."""
import os, time
from tickover import Tickover
from tickover.aws import tick_handler
jobs = Tickover.from_env()
@jobs.job
def quick(sent: float) -> float:
    return time.time() - sent
handler = tick_handler(jobs)
'''


def main() -> None:
    """Builds the bundle, measures, prints a table."""
    import platform as machine
    import subprocess

    arch = "arm64" if machine.machine() == "aarch64" else "x86_64"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    build = [sys.executable, str(ROOT / "infra" / "package.py"), str(BUNDLE), "--arch", arch, "--python", version]
    print(subprocess.run(build, check=True, capture_output=True, text=True).stdout.strip())
    (BUNDLE / "bare.py").write_text(CODE)
    (BUNDLE / "measured.py").write_text(APP)
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", str(BUNDLE / "bare.py"), str(BUNDLE / "measured.py")], check=True
    )
    with postgres.server() as server, postgres.database(server) as url:
        with Tickover(url) as jobs:
            jobs.migrate()
        measure(url)


def measure(url: str) -> None:
    """Cold starts, alternating; then wakes of a warm function."""
    with Platform(Rules(concurrency=1)) as platform:
        env = {"TICKOVER_DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(BUNDLE),
               "TICKOVER_WAKE_FUNCTION": "tick"}  # fmt: skip
        functions = {name: platform.add(Function(name=name, handler=handler, folder=BUNDLE, env=env, timeout=30, memory=512))
                     for name, handler in (("bare", "bare.bare"), ("tick", "measured.handler"))}  # fmt: skip
        cold: dict[str, list[float]] = {"bare": [], "tick": []}
        for _ in range(ROUNDS):
            for name, function in functions.items():
                for box in function.boxes:
                    box.kill()
                start = time.perf_counter()
                answer = platform.invoke(name, {})
                cold[name].append(time.perf_counter() - start)
                assert answer.error is None, (answer, function.output())
        bare, tick = (statistics.median(cold[name]) for name in ("bare", "tick"))
        print(
            f"cold, median of {ROUNDS}: bare psycopg SELECT 1 {bare:.3f} s, empty tick {tick:.3f} s, ratio {tick / bare:.2f}"
        )
        waits = wakes(url, platform)
        p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99) - 1]
        print(f"enqueue to handler start, warm, {len(waits)} wakes: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")


def wakes(url: str, platform: Platform) -> list[float]:
    """Seconds from before each enqueue to the first line of its handler, sorted."""
    from tickover.engine.wake import Note

    class Waker:
        precision = 60.0

        def wake(self, _at: object) -> None: ...

        def send(self, _at: object, _note: Note) -> None:
            platform.invoke_later("tick", b'{"tickover": {"reason": "nudge"}}')

    found = []
    with Tickover(url, waker=Waker()) as jobs:
        for _ in range(WAKES):
            job_id = jobs.enqueue("quick", time.time(), remote=True)
            found.append(float(jobs.result(job_id, wait=30)))
            platform.wait(lambda: platform.functions["tick"]._busy == 0, seconds=5)
    return sorted(found)


if __name__ == "__main__":
    main()
