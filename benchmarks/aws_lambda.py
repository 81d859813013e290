"""Lambda functions as they are deployed, in the twin: cold starts against a bare `SELECT 1`, and wake to handler start.

`make bench-lambda`. Real awslambdaric processes, the packaged and compiled bundle, a real PostgreSQL; all kinds of cold
start take turns in one run: believe their ratios, and those only.
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
ROUNDS, WAKES = 15, 200
BARE, EMPTY = "bare psycopg, SELECT 1", "an empty tick"
EXAMPLE, ONE_JOB = "an empty tick of handlers/", "a tick with one job"
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
    """Cold starts, all kinds in each round; then wakes of a warm function."""
    with Platform(Rules(concurrency=1)) as platform:
        env = {"TICKOVER_DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(BUNDLE),
               "TICKOVER_WAKE_FUNCTION": "tick"}  # fmt: skip
        for name, handler in (
            ("bare", "bare.bare"),
            ("tick", "measured.handler"),
            ("example", "handlers.tick.handler"),
        ):
            platform.add(Function(name=name, handler=handler, folder=BUNDLE, env=env, timeout=30, memory=512))
        show(cold_starts(url, platform))
        waits = wakes(url, platform)
        p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99) - 1]
        print(f"enqueue to handler start, warm, {len(waits)} wakes: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")


def cold_starts(url: str, platform: Platform) -> dict[str, list[tuple[float, float]]]:
    """Of each cold invocation, by what it did: its seconds, and the function's own of a processor.

    Every second round goes backwards, so that none is always first.
    """
    seconds: dict[str, list[tuple[float, float]]] = {BARE: [], EMPTY: [], EXAMPLE: [], ONE_JOB: []}
    functions = {BARE: "bare", EMPTY: "tick", EXAMPLE: "example", ONE_JOB: "tick"}
    with Tickover(url) as jobs:
        for turn in range(ROUNDS):
            for what in list(seconds)[:: 1 if turn % 2 else -1]:
                function = platform.functions[functions[what]]
                for box in function.boxes:
                    box.kill()
                if what == ONE_JOB:
                    jobs.enqueue("quick", time.time(), remote=True)
                start = time.perf_counter()
                answer = platform.invoke(function.name, {})
                took = time.perf_counter() - start
                seconds[what].append((took, processor_seconds(function.boxes[0].pid)))
                assert answer.error is None, (answer, function.output())
                assert what == BARE or answer.payload["completed"] == (what == ONE_JOB), answer
    return seconds


def processor_seconds(pid: int | None) -> float:
    """What a process has used so far, which other processes on the machine change less than how long it takes."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")  # 0 where there is no such file: only Linux tells
    return sum(int(thread.read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


def show(cold: dict[str, list[tuple[float, float]]]) -> None:
    """Median and range of each kind, and its ratio to what was measured bare."""
    bare, bare_used = (statistics.median(one) for one in zip(*cold[BARE], strict=True))
    print(f"cold starts, {ROUNDS} rounds{'':18}median  min–max          to bare    processor  to bare")
    for what, measured in cold.items():
        took, used = (sorted(one) for one in zip(*measured, strict=True))
        middle, middle_used = statistics.median(took), statistics.median(used)
        print(
            f"  {what:34} {middle:.3f} s  {took[0]:.3f}–{took[-1]:.3f} s    {middle / bare:.2f}       "
            f"{middle_used:.3f} s    {middle_used / max(bare_used, 1e-9):.2f}"
        )


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
