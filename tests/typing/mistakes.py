"""Mistakes that both type checkers must catch: each line marked `# error` gives one, and no other line does."""

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
    every,
)

jobs = Tickover("sqlite://")


# --- handlers -----------------------------------------------------------------------------------------------------------


@jobs.job
def ship(order_id: str, express: bool = False) -> int:
    return 1


def rows(cursor: int) -> tuple[list[str], int | None]:
    return [], None


def unconnected(n: int) -> int:
    return n


@jobs.job
async def ask(ctx: AsyncContext, q: str) -> str:
    ctx.check()  # error: a forgotten await
    ctx.sleep(3)  # error: a forgotten await
    ctx.step("ship", ship.fn, "a")  # error: a forgotten await
    ctx.fan_out([ship.new("a")])  # error: a forgotten await
    return await ctx.call(ship, "a")  # error: int is not str


@jobs.job
def flow(ctx: Context, n: int) -> str:
    ship("a")  # error: a direct call of a handler
    ctx.call(ship, 3)  # error: the wrong payload
    ctx.call(ship)  # error: a missing payload
    ctx.call(ship, "a", fast=True)  # error: a misspelt parameter
    ctx.step("ship", ship, "a")  # error: a handler is not a function
    ctx.step("ship", ship.fn, 3)  # error: the wrong argument
    ctx.using(retrys=3).call(ship, "a")  # error: a misspelt option
    ctx.using(priority=3).call(ship, "a")  # error: an option of a job is none of a step
    ctx.fan_out([ship.new("a")], queue="batch", cancel=True)  # error: a misspelt option
    ctx.fan_out([ship.new("a")], "collect")  # error: no such strategy
    ctx.fan_out([ship])  # error: a handler is not a new job
    ctx.enqueue(ship, "a")  # error: a handler is not a new job
    ctx.each("rows", rows, start="a", state=0)  # error: its cursor is an int
    ctx.sleep("an hour")  # error: a duration is a number or a timedelta
    ctx.transaction("book", unconnected, 3)  # error: the function takes no Connection
    name: str = ctx.fan_out([ship.new("a")])[0].value  # error: int is not str
    number: int = ctx.call("ship", "a", returns=str)  # error: it says that it returns str
    print(name, number)
    signal = ctx.wait_for_signal("go", returns=str, timeout=5)
    signal.upper()  # error: None when the timeout ran out
    ctx.callback("paid", returns=str, timeout=5).wait().upper()  # error: None when the timeout ran out
    ctx.check_signal("go", returns=int) + 1  # error: None when there is none
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

# --- schedules ----------------------------------------------------------------------------------------------------------

jobs.schedule(ship, every(minutes=5))  # error: ship needs a payload
jobs.schedule(ship.new("a"), "* * * * *")  # error: a line is cron(line)
jobs.schedule(ship.new("a"), every(minutes=5), overlap="never")  # error: no such choice

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
