"""An order as a workflow: calls, options of one step, a transaction with a table of ours, a job for afterwards."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel
from sqlalchemy import Connection, create_engine, text

from tickover import Context, DuplicateJob, ExponentialBackoff, NoRetry, StepFailed, Tickover

FOLDER = TemporaryDirectory()
URL = f"sqlite:///{Path(FOLDER.name) / 'jobs.db'}"
jobs = Tickover(URL)


class Order(BaseModel):
    id: str
    cents: int
    status: str = "new"


@jobs.job
def validate_order(order: Order) -> Order:
    if order.cents <= 0:
        raise NoRetry("nothing to pay")
    return order.model_copy(update={"status": "validated"})


@jobs.job("charge-order", queue="payments")
def charge_order(ctx: Context, order: Order) -> str:
    return f"receipt for {ctx.key(order.id).removeprefix(ctx.job_id)}"


@jobs.job
def ship_order(receipt: str, *, express: bool = False) -> tuple[str, bool]:
    return (receipt, express)


@jobs.job
def tell_customer(order_id: str) -> None: ...


def book(connection: Connection, order_id: str, receipt: str) -> int:
    statement = text("UPDATE orders SET receipt = :receipt WHERE id = :id")
    return connection.execute(statement, {"receipt": receipt, "id": order_id}).rowcount


@jobs.job("process-order", retries=5, determinism="strict")
def process_order(ctx: Context, order: Order) -> tuple[str, bool]:
    checked = ctx.call(validate_order, order)
    receipt = ctx.using(retries=2, timeout=20, needs=0.1, backoff=ExponentialBackoff(initial=0.01)).call(
        charge_order, checked
    )
    booked: int = ctx.transaction("book", book, checked.id, receipt=receipt)
    if ctx.version("express", 1, 2) == 1 or booked != 1:
        return ("", False)
    shipped = ctx.call(ship_order, receipt, express=True)
    again: tuple[str, bool] = ctx.call("ship-order", {"receipt": receipt}, returns=tuple[str, bool])
    told: str = ctx.enqueue(tell_customer.using(unique=f"tell-{checked.id}").new(checked.id))
    ctx.log.info("%s after %s, told by %s", ctx.now(), again, told)
    return shipped


@jobs.job
def process_or_explain(ctx: Context, order: Order) -> str:
    try:
        return ctx.call(validate_order, order).status
    except StepFailed as failure:
        return f"{failure.step}: {failure.error_kind}: {failure.message}"


def place(order: Order) -> str:
    try:
        return process_order.using(unique=order.id, priority=10).enqueue(order)
    except DuplicateJob as duplicate:
        return duplicate.job_id


if __name__ == "__main__":
    with FOLDER, jobs:
        jobs.migrate()
        engine = create_engine(URL)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE orders (id text PRIMARY KEY, receipt text)"))
            connection.execute(text("INSERT INTO orders (id) VALUES ('o-7')"))
        engine.dispose()
        order = Order(id="o-7", cents=999)
        assert place(order) == place(order)
        refused = process_or_explain.enqueue(Order(id="o-8", cents=0))
        assert jobs.drain(20).failed == 0
        (done,) = jobs.find(kind="process-order", state="completed")
        assert process_order.result(done.id) == ("receipt for :o-7", True)
        assert process_or_explain.result(refused) == "validate-order: NoRetry: nothing to pay"
