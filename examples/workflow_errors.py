"""Errors in workflows: a step that is tried again, one whose failure is a branch, and a failure that ends it all.

Run it: .venv/bin/python examples/workflow_errors.py
"""

from collections import Counter

from tickover import Context, ExponentialBackoff, NoRetry, RetryAfter, StepFailed, Tickover

jobs = Tickover("sqlite://")
QUICK = ExponentialBackoff(initial=0.05, jitter=0)
calls: Counter[str] = Counter()


def call(service: str) -> str:
    """Stands for services elsewhere; counts how often each was really called."""
    calls[service] += 1
    match service, calls[service]:
        case "flaky", 1 | 2:
            raise ConnectionError("no answer")
        case "busy", 1:
            raise RetryAfter(0.2, "too many requests")
        case "card", _:
            raise NoRetry("the card has expired")
        case "printer", 1:
            raise ConnectionError("out of paper")
    return f"{service} ok"


# A step may have retries of its own: only it is tried again. What RetryAfter says counts for it too.
@jobs.job
def patient(ctx: Context) -> list[str]:
    flaky = ctx.using(retries=3, backoff=QUICK).step("flaky", call, "flaky")
    busy = ctx.using(retries=1).step("busy", call, "busy")
    return [flaky, busy]


# A failure that is caught is a branch. It is recorded, so every later run takes the same branch: the card is not tried
# again, although the job is, because of the printer.
@jobs.job(backoff=QUICK)
def branching(ctx: Context) -> list[str]:
    try:
        paid = ctx.step("card", call, "card")
    except StepFailed as failure:
        ctx.log.info("no card: %s", failure.message)
        paid = ctx.step("invoice", call, "invoice")
    return [paid, ctx.step("printer", call, "printer")]


# A failure that nobody catches is the job's: it is retried, or, for NoRetry anywhere in the chain, it is not.
@jobs.job(backoff=QUICK)
def strict(ctx: Context) -> str:
    ctx.step("stock", call, "stock")
    return ctx.step("card", call, "card")


def main() -> None:
    jobs.migrate()
    for handler in (patient, branching, strict):
        calls.clear()
        job_id = handler.enqueue()
        jobs.drain(timeout=10)

        job = jobs.get(job_id)
        print(
            f"{job.kind}: {job.state} after {job.starts} run{'s' if job.starts > 1 else ''}: {job.result or job.error}"
        )
        print("  really called:", ", ".join(f"{service} {count}x" for service, count in calls.items()))
        for step in job.steps:
            print(f"  recorded: {step.key:<11} {step.error or step.value}")


if __name__ == "__main__":
    main()
