"""The example application that these functions serve: put your own in its place."""

from __future__ import annotations

from tickover import Context, Tickover, daily

jobs = Tickover.from_env()


@jobs.job("send-email", retries=5, timeout=30)
def send_email(to: str, subject: str = "Hello") -> str:
    """Pretends to send an e-mail."""
    return f"sent {subject!r} to {to}"


@jobs.job
def report(ctx: Context) -> str:
    """Runs each night; its slot says which one it is for."""
    return f"the report of {ctx.slot:%Y-%m-%d}" if ctx.slot else "a report by hand"


jobs.schedule(report, daily(2, 30))
