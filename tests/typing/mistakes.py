"""Mistakes that both type checkers must catch: each line marked `# error` gives one error, and no other line does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tickover import (
    AsyncContext,
    Budget,
    Context,
    ExponentialBackoff,
    Job,
    NewJob,
    Pool,
    RetryAfter,
    Settings,
    Tickover,
)

jobs = Tickover("sqlite://")


# --- handlers -----------------------------------------------------------------------------------------------------------


@jobs.job
def ship(order_id: str, express: bool = False) -> int:
    return 1


@jobs.job
async def ask(ctx: AsyncContext, q: str) -> str:
    ctx.check()  # error: a forgotten await
    return q


@jobs.job
def flow(ctx: Context, n: int) -> str:
    ship("a")  # error: a direct call of a handler
    ctx.attempt = 3  # error: what a job is told cannot be changed
    raise RetryAfter("5 minutes")  # error: a delay is a number or a timedelta


jobs.job(retires=3)  # error: a misspelt option of the registration
jobs.job("loose", determinism="often")  # error: no such mode

# --- enqueue ------------------------------------------------------------------------------------------------------------

ship.using(dealy=5)  # error: a misspelt option
ship.using(retries="3").enqueue("a")  # error: a number as text
ship.using(aliases=["a"])  # error: an option of the registration
ship.new(5)  # error: the wrong payload
ship.enqueue()  # error: a missing payload
ship.enqueue("a", fast=True)  # error: a misspelt parameter
flow.enqueue("three")  # error: the context does not count, and a str is no int
jobs.enqueue("ship", "a", prority=3)  # error: a misspelt option
jobs.enqueue_many([ship])  # error: a handler is not a new job
ship.fn(7)  # error: the plain function has types too

# --- results ------------------------------------------------------------------------------------------------------------

n: str = ship.result("id")  # error: int is not str
s: NewJob[str] = ship.new("a")  # error: it returns int
c: NewJob[str] = NewJob("count", returns=int)  # error: it says that it returns int
cursor: str = jobs.find(limit=1).next_cursor  # error: the last page has none
error: str = jobs.get("id").error  # error: a job that did not fail has none

# --- control and setup --------------------------------------------------------------------------------------------------

jobs.find(colour="red")  # error: no such filter
jobs.tick(55, concurency=3)  # error: a misspelt option
jobs.pause_ticks("gentle")  # error: no such mode
jobs.get("id").state = "failed"  # error: what was read cannot be changed
Budget(55, max_jobs="5")  # error: a number as text
Settings(leese=5)  # error: a misspelt setting
Settings(events="some")  # error: no such choice
Pool.DEFAULT.max_open = 5  # error: a pool is frozen
ExponentialBackoff(start=1)  # error: a misspelt parameter

# --- hooks --------------------------------------------------------------------------------------------------------------


@jobs.on_job_fail  # error: an async hook would never be awaited
async def hook(job: Job, error: Exception) -> None: ...


@jobs.on_retry  # error: the hook gets the job and the error
def too_short(job: Job) -> None: ...


@jobs.middleware  # error: no generator
def around(ctx: Context | AsyncContext) -> None: ...


@jobs.middleware  # error: both colours come by
def one_colour(ctx: Context) -> Iterator[None]:
    yield


@jobs.enqueue_middleware  # error: it forgets to return the job
def stamp(new: NewJob[Any]) -> None: ...
