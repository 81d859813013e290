"""A human in between: the job waits paused until somebody decides, and is found by its unique key."""

from __future__ import annotations

from tickover import JobNotFound, Tickover
from tickover.errors import InvalidTransition, JobCancelledError

jobs = Tickover("sqlite://")


@jobs.job
def pay_expense(expense: int, cents: int) -> str:
    return f"{expense}: {cents / 100:.2f}"


def submit(expense: int, cents: int) -> str:
    job_id = pay_expense.using(unique=f"expense-{expense}", meta={"cents": cents}).enqueue(expense, cents)
    jobs.pause_job(job_id)
    return job_id


def decide(expense: int, ok: bool) -> None:
    found = jobs.find(unique=f"expense-{expense}", state="paused", limit=1)
    if not found:
        raise JobNotFound(f"nothing waits for expense {expense}")
    (job,) = found
    if ok:
        jobs.resume_job(job.id)
    else:
        jobs.cancel(job.id)


def reopen(job_id: str) -> str:
    try:
        jobs.resume_job(job_id)
    except InvalidTransition as refusal:
        return str(refusal)
    return "reopened"


def outcome(job_id: str) -> str:
    try:
        return pay_expense.result(job_id)
    except JobCancelledError:
        return "refused"


if __name__ == "__main__":
    with jobs:
        jobs.migrate()
        good, bad = submit(1, 500), submit(2, 10_000_000)
        assert jobs.drain(5).claimed == 0
        decide(1, ok=True)
        decide(2, ok=False)
        jobs.drain(5)
        assert (outcome(good), outcome(bad)) == ("1: 5.00", "refused")
        assert "is completed; it cannot be resumed now" in reopen(good)
