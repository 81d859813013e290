"""What the jobs of a chaos run do, and how each kind must end: a table that the checks read too."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.support.ledger import Ledger
from tickover import AsyncContext, Context, ExponentialBackoff, NewJob, NoRetry, RetryAfter, Settings, Tickover

#: Innocent jobs outlive any number of kills: that the harness kills their ticks is not their fault.
SPARED: Final = 1000
POISON_CRASHES: Final = 3
POISON_EXIT: Final = 13
KEYS: Final = 12
_SOON: Final = ExponentialBackoff(initial=0.05, maximum=0.2)
SETTINGS: Final = Settings(lease=1.5, grace=0.5, margin=0.3, concurrency=5)
WINDOW: Final = 3.0


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of job: how many of a hundred, how it is made, and how it ends unless somebody cancels it."""

    share: float
    make: Callable[[Random], dict[str, Any]]
    end: str = "completed"
    error_kind: str | None = None
    #: Failures that it counts at its end; None is any number that its budget allows.
    failures: int | None = None
    #: Enqueued when the faults are over: it needs whole windows.
    late: bool = False


def _brief(dice: Random) -> dict[str, Any]:
    return {"payload": round(dice.uniform(0.01, 0.1), 3)}


def _nothing(_: Random) -> dict[str, Any]:
    return {}


def _unchecked(payload: object) -> dict[str, Any]:
    return {"payload": payload, "remote": True, "retries": 0}


KINDS: Final[dict[str, Kind]] = {
    "unit": Kind(share=45, make=_brief),
    "awaiting": Kind(share=15, make=_brief),
    "talker": Kind(share=6, make=_brief),
    "flaky": Kind(share=8, make=lambda dice: {"payload": dice.randint(1, 2)}, failures=None),
    "later": Kind(share=4, make=_nothing, failures=1),
    "spawner": Kind(share=5, make=_brief),
    "delayed": Kind(share=4, make=lambda dice: {**_brief(dice), "delay": dice.uniform(0.5, 3.0)}),
    "keyed": Kind(share=3, make=lambda dice: {**_brief(dice), "unique": f"key {dice.randrange(KEYS)}"}),
    "hopeless": Kind(share=3, make=_nothing, end="failed", error_kind="ValueError", failures=3),
    "refuser": Kind(share=2, make=_nothing, end="failed", error_kind="NoRetry", failures=1),
    "dawdler": Kind(share=2, make=_nothing, end="failed", error_kind="TimedOut", failures=1),
    "unstorable": Kind(share=1, make=_nothing, end="failed", error_kind="PayloadError", failures=1),
    "typed": Kind(share=1, make=lambda _: _unchecked("no number"), end="failed", error_kind="PayloadError", failures=1),
    "torn": Kind(share=1, make=lambda _: _unchecked(1), end="failed", error_kind="PayloadError", failures=1),
    "poison": Kind(share=0.15, make=_nothing, end="failed", error_kind="Crashed"),
    "endless": Kind(share=0, make=_nothing, end="failed", error_kind="Stalled", late=True),
}  # fmt: skip


def application(url: str, ledger: Ledger | None = None) -> Tickover:
    """The application of every process of a run; with a ledger each execution leaves its traces there."""
    jobs = Tickover(url, settings=SETTINGS)

    if ledger is not None:

        @jobs.middleware
        def executed(context: Context | AsyncContext) -> Iterator[None]:
            job, epoch = context.fence
            ledger.write("begin", job=job, epoch=epoch)
            yield
            ledger.write("end", job=job, epoch=epoch)

    for handler in (unit, delayed, keyed):
        jobs.job(handler)
    jobs.job(awaiting)
    jobs.job(talker)
    jobs.job(backoff=_SOON, retries=3)(flaky)
    jobs.job(retries=1)(later)
    jobs.job(backoff=_SOON, retries=2)(hopeless)
    jobs.job(retries=5)(refuser)
    jobs.job(timeout=0.1, retries=0)(dawdler)
    jobs.job(retries=5)(unstorable)
    jobs.job(typed)
    jobs.job(torn)
    jobs.job(poison)
    jobs.job(backoff=_SOON)(endless)

    @jobs.job
    def spawner(context: Context, seconds: float) -> str:
        child = jobs.enqueue("unit", seconds, max_crashes=SPARED, meta={"parent": context.job_id})
        if ledger is not None:
            ledger.write("acked", job=child)
        return child

    return jobs


def batch(
    count: int, dice: Random, *, spared: bool = True, shares: dict[str, float] | None = None
) -> list[NewJob[Any]]:
    """That many jobs, mixed by their shares; every kind that has a share is there at least once."""
    weights = shares if shares is not None else {name: kind.share for name, kind in KINDS.items()}
    present = [name for name, share in weights.items() if share > 0]
    chosen = present + dice.choices(present, [weights[name] for name in present], k=max(0, count - len(present)))
    dice.shuffle(chosen)
    return [_new(name, dice, spared=spared) for name in chosen]


def late(dice: Random) -> list[NewJob[Any]]:
    """The jobs for the time after the faults."""
    return [_new(name, dice, spared=True) for name, kind in KINDS.items() if kind.late for _ in range(2)]


def _new(name: str, dice: Random, *, spared: bool) -> NewJob[Any]:
    options = KINDS[name].make(dice)
    payload = (options.pop("payload"),) if "payload" in options else ()
    guilty = name == "poison"
    crashes = POISON_CRASHES if guilty or not spared else SPARED
    queue = dice.choice(("default", "default", "mail"))
    priority = 1 if guilty else dice.choice((0, 0, 0, -1, 1))
    return NewJob(name, *payload, max_crashes=crashes, queue=queue, priority=priority, **options)


def unit(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def delayed(seconds: float) -> float:
    return unit(seconds)


def keyed(seconds: float) -> float:
    return unit(seconds)


async def awaiting(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


def talker(context: Context, seconds: float) -> None:
    for part in range(3):
        context.progress(part / 3, "talking")
        time.sleep(seconds / 3)


def flaky(context: Context, times: int) -> str:
    if context.attempt <= times:
        raise ConnectionError(f"attempt {context.attempt} fails")
    return "in the end"


def later(context: Context) -> str:
    if context.attempt == 1:
        raise RetryAfter(0.2, "not yet")
    return "now"


def hopeless() -> None:
    raise ValueError("never")


def refuser() -> None:
    raise NoRetry("what for")


async def dawdler() -> None:
    await asyncio.sleep(30)


def unstorable() -> Any:
    return object()


def typed(number: int) -> int:
    return number


def torn(number: int) -> int:
    """Its stored payload is made unreadable by the harness, as a hand in the database would."""
    return number


def poison() -> None:
    os._exit(POISON_EXIT)


def endless() -> None:
    time.sleep(10 * WINDOW)
