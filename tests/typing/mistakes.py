"""Mistakes that both type checkers must catch: each line marked `# error` gives an error, and no other line does."""

from __future__ import annotations

from tickover import AsyncContext, Context, Job, NewJob, Tickover

jobs = Tickover("sqlite://")


@jobs.job
def ship(order_id: str) -> int:
    return 1


@jobs.job
async def ask(ctx: AsyncContext, q: str) -> str:
    ctx.check()  # error: a forgotten await
    return q


@jobs.job
def flow(ctx: Context, n: int) -> str:
    ship("a")  # error: a direct call of a handler
    return "done"


ship.using(dealy=5).enqueue("a")  # error: a misspelt option
ship.new(5)  # error: the wrong payload
ship.enqueue()  # error: a missing payload
flow.enqueue("three")  # error: the context does not count, and a str is no int


@jobs.on_job_fail  # error: an async hook would never be awaited
async def hook(job: Job, error: Exception) -> None: ...


@jobs.job(retires=3)  # error: a misspelt option of the registration
def other() -> None: ...


n: str = ship.result("id")  # error: int is not str
jobs.enqueue("ship", "a", prority=3)  # error: a misspelt option
s: NewJob[str] = ship.new("a")  # error: it returns int
