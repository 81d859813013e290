"""Human approval: a workflow that waits for a signal, three days if need be, and costs nothing meanwhile.

Run it: .venv/bin/python examples/approval.py
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tickover import Context, Tickover
from tickover.testing import in_memory

jobs = Tickover("sqlite:///expenses.db")


@dataclass
class Approval:
    by: str
    ok: bool


@jobs.job
def tell(to: str, text: str) -> None:
    print(f"    to {to}: {text}\n", end="")  # in one piece: two jobs may say something at once


@jobs.job
def approve_expense(ctx: Context, expense: int, amount: float) -> str:
    ctx.call(tell, "the controller", f"please decide on expense {expense} over {amount:.2f}")
    approval = ctx.wait_for_signal("approval", returns=Approval, timeout=timedelta(days=2))
    if approval is None:
        ctx.call(tell, "the head of finance", f"nobody decided on expense {expense} in two days")
        approval = ctx.wait_for_signal("approval", returns=Approval, timeout=timedelta(days=1))
    if approval is None:
        return "expired"
    return f"{'approved' if approval.ok else 'refused'} by {approval.by}"


def submit(expense: int, amount: float) -> str:
    return approve_expense.using(unique=f"expense-{expense}").enqueue(expense, amount)


def decide(expense: int, by: str, *, ok: bool) -> None:
    """What the button in an application of yours does: it knows the expense, and no job."""
    (job,) = jobs.find(unique=f"expense-{expense}", state="waiting")
    jobs.signal(job.id, "approval", Approval(by, ok))


def main() -> None:
    """Three days in a moment: the test kit's clock moves as it is told to."""
    with in_memory(jobs, now=datetime(2030, 1, 7, 9, tzinfo=UTC)) as kit:

        def tomorrow() -> None:
            kit.clock.advance(days=1)
            print(f"{kit.clock.now():%A}:")
            kit.drain()

        print(f"{kit.clock.now():%A}:")
        ids = {}
        for expense, amount in ((1, 19.5), (2, 480), (3, 12_000)):
            ids[expense] = submit(expense, amount)
            kit.drain()
        decide(1, "the controller", ok=True)
        tomorrow()
        decide(2, "the controller", ok=False)
        tomorrow()
        tomorrow()

        for expense, job_id in ids.items():
            job = jobs.get(job_id)
            print(f"expense {expense}: {job.result}; the handler ran {job.starts} times, a moment each")


if __name__ == "__main__":
    main()
