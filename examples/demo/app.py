"""The demo's application: one kind of job. Started as a script it is one tick, as a timer would start it."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tickover import Context, ExponentialBackoff, Job, Tickover

PACE = 0.03  # seconds that each job takes besides: a file is counted in less than one can watch

jobs = Tickover.from_env()


@dataclass
class Count:
    """What a `count-file` job returns."""

    lines: int
    blank: int
    words: int


@jobs.job("count-file", retries=3, backoff=ExponentialBackoff(initial=0.3, jitter=0))
def count_file(ctx: Context, path: str, trouble: int = 0) -> Count:
    """Counts one file; its first `trouble` attempts fail, as if the disk were sick."""
    time.sleep(PACE)
    if ctx.attempt <= trouble:
        raise OSError(f"{Path(path).name} cannot be read, attempt {ctx.attempt}")
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return Count(
        lines=len(lines),
        blank=sum(not line.strip() for line in lines),
        words=sum(len(line.split()) for line in lines),
    )


@jobs.on_job_complete
def tell(_job: Job) -> None:
    """Whoever started this tick counts the dots."""
    sys.stdout.write(".")
    sys.stdout.flush()


if __name__ == "__main__":
    report = jobs.tick(20, concurrency=4, trigger="demo")
    print(json.dumps(report.to_json()))
    jobs.close()
