"""Observability: hooks and middleware as things happen, durable events afterwards, numbers at any time.

Run it: .venv/bin/python examples/observability.py
"""

import logging
import sys
from collections import Counter
from collections.abc import Iterator

from tickover import AsyncContext, Context, ExponentialBackoff, Job, NoRetry, Tickover, events

log = logging.getLogger("example")
jobs = Tickover("sqlite://")


# Hooks: called in the process that ran the job, after the write was accepted, at most once. They cannot change a job.
@jobs.on_job_start
def started(job: Job) -> None:
    log.info("[START] %s (%s)", job.short_id, job.kind)


@jobs.on_job_complete
def completed(job: Job) -> None:
    log.info("[DONE] %s completed in %s", job.short_id, job.finished_at - job.started_at)


@jobs.on_job_fail
def failed(job: Job, error: Exception) -> None:
    log.info("[FAIL] %s: %s", job.short_id, error)


@jobs.on_retry
def retried(job: Job, error: Exception) -> None:
    log.info("[RETRY] %s attempt %d: %s", job.short_id, job.attempt, error)


# Middleware: around each run, in its thread; what it raises is the run's failure.
@jobs.middleware
def traced(ctx: Context | AsyncContext) -> Iterator[None]:
    ctx.log.debug("before")
    yield
    ctx.log.debug("after")


@jobs.job(backoff=ExponentialBackoff(initial=0.05, jitter=0))
def resize(ctx: Context, image: str) -> str:
    if image == "broken.png":
        raise NoRetry("not an image")
    if image == "slow.png" and ctx.attempt == 1:
        raise TimeoutError("the image server did not answer")
    ctx.progress(0.5, "half way")
    return f"{image}: 200 x 100"


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    log.setLevel(logging.INFO)
    jobs.migrate()
    for image in ("cat.png", "slow.png", "broken.png"):
        resize.enqueue(image)
    jobs.drain(timeout=10)

    # Events: durable rows, in any process, at any later time. Keep the last .seq and go on behind it.
    counted: Counter[str] = Counter()
    for event in jobs.events(after=0):
        counted[type(event).__name__] += 1
        match event:
            case events.JobCompleted(duration=seconds):
                print(f"metric: a job took {1000 * seconds:.1f} ms")
            case events.JobFailed(error=error):
                print(f"alert: {error}")
    print("events:", ", ".join(f"{name} {count}" for name, count in sorted(counted.items())))

    stats, health = jobs.stats(), jobs.health()
    print("stats:", ", ".join(f"{state} {count}" for state, count in stats.by_state.items() if count))
    print("ticks:", ", ".join(f"{tick.claimed} claimed, {tick.completed} completed" for tick in jobs.ticks()))
    print("health:", "ok" if health.ok else "; ".join(health.problems), f"({health.dead_letters} dead letter)")


if __name__ == "__main__":
    main()
