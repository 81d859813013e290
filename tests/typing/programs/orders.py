"""An order goes from hand to hand: each job enqueues the next one, once per order whatever is repeated."""

from __future__ import annotations

from pydantic import BaseModel

from tickover import Context, DuplicateJob, NoRetry, Tickover

jobs = Tickover("sqlite://")


class Order(BaseModel):
    id: str
    cents: int
    status: str = "new"


@jobs.job
def validate_order(order: Order) -> Order:
    if order.cents <= 0:
        raise NoRetry("nothing to pay")
    return order.model_copy(update={"status": "validated"})


@jobs.job("charge-order", retries=5, timeout=20, queue="payments")
def charge_order(ctx: Context, order: Order) -> str:
    receipt = f"receipt for {order.id}, {len(ctx.key('charge'))}"
    ship_order.using(unique=f"ship-{order.id}", meta={"receipt": receipt}).enqueue(order.id, receipt)
    return receipt


@jobs.job
def ship_order(order_id: str, receipt: str, express: bool = False) -> tuple[str, bool]:
    return (f"{order_id}: {receipt}", express)


def place(order: Order) -> str:
    try:
        return charge_order.using(unique=order.id, priority=10).enqueue(order)
    except DuplicateJob as duplicate:
        return duplicate.job_id


if __name__ == "__main__":
    with jobs:
        jobs.migrate()
        order = Order(id="o-7", cents=999)
        checked = validate_order.enqueue(order)
        assert place(order) == place(order)
        assert jobs.drain(10, queues={"default": 2, "payments": 1}).completed == 3
        assert validate_order.result(checked).status == "validated"
        (shipped,) = jobs.find(kind="ship-order", state="completed")
        text, express = ship_order.result(shipped.id)
        assert (text[:10], express) == ("o-7: recei", False)
