"""A workflow: an order in steps that are recorded, so that a failure half-way repeats none of what was done.

Run it: .venv/bin/python examples/workflow.py
"""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, create_engine, text

from tickover import Context, ExponentialBackoff, Tickover


@dataclass
class Order:
    id: str
    total: float
    status: str = "new"


def application(url: str) -> Tickover:
    jobs = Tickover(url)
    runs: list[int] = []

    @jobs.job
    def validate_order(order: Order) -> Order:
        print("  validate-order: Validating order...")
        return replace(order, status="validated")

    def pay(amount: float, *, key: str) -> str:
        print(f"  charge-payment: Charging {amount} (idempotency key of {len(key)} characters)...")
        return "receipt-123"

    @jobs.job
    def charge_payment(ctx: Context, order: Order) -> str:
        return pay(order.total, key=ctx.key("charge"))  # the same key at every attempt: nobody pays twice

    @jobs.job
    def ship_order(receipt: str) -> str:
        if len(runs) == 1:
            raise ConnectionError("the carrier does not answer")
        print(f"  ship-order: Shipping order with {receipt}...")
        return "parcel-9"

    @jobs.job
    def send_email(to: str, subject: str) -> None:
        print(f"send-email, a job of its own: to {to}: {subject}")

    def book(connection: Connection, order: Order, receipt: str) -> int:
        """Your own tables: this row and the record of the step are committed together, or not at all."""
        print("  book: writing the receipt to our own table...")
        return connection.execute(
            text("INSERT INTO receipts (order_id, receipt) VALUES (:o, :r)"), {"o": order.id, "r": receipt}
        ).rowcount

    # Each line with ctx. is recorded when it is done. When the job runs again, for whatever reason, what is recorded
    # is read, and the handler goes on behind it.
    @jobs.job(retries=5, backoff=ExponentialBackoff(initial=0.1, jitter=0))
    def process_order(ctx: Context, order: Order) -> str:
        runs.append(ctx.attempt)
        print(f"process-order, attempt {ctx.attempt}")
        validated = ctx.call(validate_order, order)
        receipt = ctx.call(charge_payment, validated)
        ctx.transaction("book", book, validated, receipt)
        parcel = ctx.call(ship_order, receipt)
        ctx.enqueue(send_email.new("customer@example.com", f"{order.id} is on its way as {parcel}"))
        return receipt

    return jobs


def main(database: Path) -> None:
    with application(f"sqlite:///{database}") as jobs:
        jobs.migrate()
        engine = create_engine(f"sqlite:///{database}")
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE receipts (order_id text PRIMARY KEY, receipt text)"))

        job_id = jobs.enqueue("process-order", {"id": "ORD-001", "total": 99.99})
        jobs.drain(timeout=30)

        job = jobs.get(job_id)
        print(
            f"{job.state} after {job.starts} runs of the handler; recorded: {', '.join(step.key for step in job.steps)}"
        )
        with engine.connect() as connection:
            print("rows in our table:", connection.scalar(text("SELECT count(*) FROM receipts")))
        engine.dispose()


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        main(Path(folder) / "jobs.db")
