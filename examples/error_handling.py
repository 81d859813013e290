"""Failures: what is not worth a retry, what says when to come back, and what is retried with backoff.

Run it: .venv/bin/python examples/error_handling.py
"""

from tickover import Context, ExponentialBackoff, NoRetry, RetryAfter, Tickover, events

jobs = Tickover("sqlite://")


# The default backoff waits about 2, 4, 8, … s; nobody wants to watch that in an example.
@jobs.job("api-call", retries=3, backoff=ExponentialBackoff(initial=0.1, jitter=0))
def api_call(ctx: Context, endpoint: str) -> str:
    if endpoint == "/invalid":
        raise NoRetry("invalid endpoint")  # permanent: no further run, whatever budget is left
    if endpoint == "/rate-limited" and ctx.attempt == 1:
        raise RetryAfter(1.5, "rate limited")  # exactly then; the service said so
    if endpoint == "/flaky" and ctx.attempt < 3:
        raise ConnectionError("temporary network error")  # anything else: again, with backoff
    if endpoint == "/down":
        raise ConnectionError("connection refused")  # never gets better: 1 run and 3 retries, then a dead letter
    return f"200 OK at attempt {ctx.attempt}"


def main() -> None:
    jobs.migrate()
    endpoints = {api_call.enqueue(path): path for path in ("/invalid", "/rate-limited", "/flaky", "/down")}

    jobs.drain(timeout=10)  # ticks until nothing is due any more; a timer would start them in production

    print("What happened:")
    for event in jobs.events():
        match event:
            case events.JobRetrying(job_id=job_id, attempt=attempt, error=error, at=at, run_at=run_at):
                wait = (run_at - at).total_seconds()
                print(f"  {endpoints[job_id]:<14} attempt {attempt}: {error}; again after {wait:.3f} s")
            case events.JobFailed(job_id=job_id, attempt=attempt, error=error):
                print(f"  {endpoints[job_id]:<14} attempt {attempt}: {error}; failed for good")
            case events.JobCompleted(job_id=job_id):
                print(f"  {endpoints[job_id]:<14} {jobs.result(job_id)}")

    print("Dead letters:")
    for job in jobs.dead_letters():
        print(f"  {job.payload:<14} {job.failures} failures, the last: {job.error}")


if __name__ == "__main__":
    main()
