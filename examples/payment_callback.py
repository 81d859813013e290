"""A payment by callback: the workflow hands out a signed address, and waits until the payment service posts to it.

Run it: .venv/bin/python examples/payment_callback.py
"""

import asyncio
from datetime import timedelta
from typing import Literal

import httpx
from pydantic import BaseModel

from tickover import Context, Settings, Tickover
from tickover.testing import in_memory
from tickover.web import create_webhooks

# Both come from the environment in production: TICKOVER_SECRET signs the addresses, TICKOVER_PUBLIC_URL leads to them.
settings = Settings(secret="only for this example", public_url="https://shop.example")  # noqa: S106  # as it says
jobs = Tickover("sqlite:///shop.db", settings=settings)
#: What the payment service was asked to do: order and the address to tell.
asked: dict[str, str] = {}


class Payment(BaseModel):
    status: Literal["paid", "refused"]
    reference: str


def ask_for_payment(order: str, cents: int, tell: str) -> None:
    """Stands for a request to the payment service."""
    # In one piece: two jobs may say something at once.
    print(f"  the payment service is asked for {cents / 100:.2f} for {order}\n", end="")
    asked[order] = tell


@jobs.job
def sell(ctx: Context, order: str, cents: int) -> str:
    payment = ctx.callback("payment", returns=Payment, timeout=timedelta(hours=1))
    ctx.step("ask", ask_for_payment, order, cents, payment.url)
    answer = payment.wait()  # nothing runs and nothing is kept in memory until it comes
    if answer is None:
        return "not paid within an hour"
    return f"{answer.status}, reference {answer.reference}"


def post(what: str, url: str, answer: dict[str, str]) -> None:
    """Stands for the payment service, which sends the same over the network."""

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(create_webhooks(jobs))) as client:
            return await client.post(url, json=answer)

    response = asyncio.run(send())
    said = response.json()
    print(f"  {what}: {response.status_code}, {said.get('detail') or said}")


def main() -> None:
    with in_memory(jobs) as kit:
        print("Two orders:")
        first = sell.enqueue("ORD-1", 1999)
        kit.drain()
        second = sell.enqueue("ORD-2", 500)
        kit.drain()
        print(f"  both are {jobs.get(first).state}")

        print("Half an hour later:")
        kit.clock.advance(hours=0.5)
        paid = {"status": "paid", "reference": "T-77"}
        post("somebody guesses an address", asked["ORD-1"][:-4] + "AAAA", paid)
        post("an answer of another shape", asked["ORD-1"], {"state": "paid"})
        post("the answer", asked["ORD-1"], paid)
        post("the answer again, to be sure", asked["ORD-1"], paid)
        post("another answer", asked["ORD-1"], {"status": "refused", "reference": "T-78"})
        kit.drain()
        print(f"  ORD-1: {sell.result(first)}")

        print("Another half hour later:")
        kit.clock.advance(hours=0.5)
        kit.drain()
        print(f"  ORD-2: {sell.result(second)}")
        post("an answer that is late", asked["ORD-2"], paid)


if __name__ == "__main__":
    main()
