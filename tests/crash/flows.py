"""Workflows that come to every verb of theirs, and for each verb the scene in which a process dies there."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, text

from tests.support.chaos_sql import Look
from tests.support.process import until
from tickover import Budget, CollectAll, Context, NoRetry, Tickover, success_count

#: Seconds that a sleeper sleeps.
NAP: Final = 0.3


def register(jobs: Tickover) -> None:
    """Adds the workflows to an application."""

    @jobs.job
    def leaf(ctx: Context, number: int) -> int:
        ctx.step("work", abs, number)
        if number < 0:
            raise NoRetry("this child fails")
        return number

    @jobs.job
    def family(ctx: Context) -> int:
        results = ctx.fan_out([leaf.new(number) for number in (1, -1, 2)], CollectAll())
        ctx.step("after", str, "the family")
        return success_count(results)

    @jobs.job
    def sleeper(ctx: Context) -> str:
        ctx.sleep(NAP)
        return ctx.step("after", str, "the nap")

    @jobs.job
    def listener(ctx: Context) -> int:
        return ctx.wait_for_signal("go", returns=int)

    @jobs.job
    def payer(ctx: Context) -> int:
        paid = ctx.transaction("pay", pay, ctx.job_id)
        ctx.step("after", str, "the payment")
        return paid

    @jobs.job
    def asker(ctx: Context) -> int:
        callback = ctx.callback("answer", returns=int)
        return callback.wait()


def pay(connection: Connection, job: str) -> int:
    """One effect in the user's own table."""
    connection.execute(text("INSERT INTO effects (job) VALUES (:job)"), {"job": job})
    return 1


def enqueued(jobs: Tickover, look: Look, *, kind: str) -> list[str]:
    """One workflow that did not start."""
    look.rows("CREATE TABLE IF NOT EXISTS effects (job TEXT)")
    return [jobs.enqueue(kind)]


def parked(jobs: Tickover, look: Look, *, kind: str) -> list[str]:
    """One workflow that waits; its children, if it has any, have not started."""
    ids = enqueued(jobs, look, kind=kind)
    jobs.tick(Budget(20, max_jobs=1))
    assert look.one(f"SELECT state FROM jobs WHERE id = '{ids[0]}'") == "waiting"
    return ids


def heard(jobs: Tickover, look: Look, *, kind: str) -> list[str]:
    """One workflow whose signal is there before it starts."""
    ids = enqueued(jobs, look, kind=kind)
    jobs.signal(ids[0], "go", 5)
    return ids


def rested(jobs: Tickover, look: Look, *, kind: str) -> list[str]:
    """A waiter whose time has come."""
    ids = parked(jobs, look, kind=kind)
    until(
        lambda: look.one("SELECT count(*) FROM jobs WHERE state = 'waiting' AND $ms(run_at) < $nowms") == 1, "it is due"
    )
    return ids


def late(jobs: Tickover, look: Look, *, kind: str) -> list[str]:
    """A fan-out whose time is over."""
    ids = parked(jobs, look, kind=kind)
    look.rows("UPDATE fan_outs SET timeout_at = created_at")
    return ids


def left(jobs: Tickover, look: Look, *, kind: str) -> list[str]:
    """Live children of a parent that somebody cancelled without walking down."""
    ids = parked(jobs, look, kind=kind)
    look.rows(
        f"UPDATE jobs SET state = 'cancelled', finished_at = created_at, run_at = created_at WHERE id = '{ids[0]}'"
    )
    return ids


def miscounted(jobs: Tickover, look: Look, *, kind: str) -> list[str]:
    """A fan-out with a counter that nobody ever wrote."""
    ids = parked(jobs, look, kind=kind)
    look.rows("UPDATE fan_outs SET done = 1")
    return ids


def scene(act: str, prepare: Any, kind: str, **options: Any) -> dict[str, Any]:
    return {"act": act, "prepare": partial(prepare, kind=kind), **options}


INSIDE: Final[dict[str, bool]] = {"inside": True}
#: The scene of each verb of workflows.
VERBS: Final[dict[str, dict[str, Any]]] = {
    "record": scene("tick", enqueued, "sleeper", **INSIDE),
    "checkpoints": scene("tick", rested, "sleeper"),
    "durations": scene("tick", enqueued, "payer"),
    "hold": scene("tick", enqueued, "listener", **INSIDE),
    "look": scene("tick", enqueued, "listener", **INSIDE),
    "take_signals": scene("tick", heard, "listener", **INSIDE),
    "send_signal": scene("signal", parked, "listener", **INSIDE),
    "lock_jobs": scene("signal", parked, "listener", **INSIDE),
    "wake": scene("signal", parked, "listener", **INSIDE),
    "wake_due": scene("tick", rested, "sleeper"),
    "open_callback": scene("tick", enqueued, "asker", **INSIDE),
    "callback": scene("tick", enqueued, "asker", **INSIDE),
    "receive_callback": scene("answer", parked, "asker", **INSIDE),
    "open_fan_out": scene("tick", enqueued, "family", **INSIDE),
    "count_children": scene("tick", parked, "family", **INSIDE),
    "grab_jobs": scene("tick", parked, "family", **INSIDE),
    "decide_fan_out": scene("tick", parked, "family", **INSIDE),
    "fan_out": scene("tick", parked, "family"),
    "slots": scene("tick", parked, "family"),
    "live_children": scene("cancel", parked, "family"),
    "fan_outs_over": scene("reap", late, "family"),
    "recount": scene("reap", parked, "family"),
    "repair_fan_out": scene("reap", miscounted, "family", **INSIDE),
    "waiting_parents": scene("reap", parked, "family"),
    "left_children": scene("reap", left, "family"),
}
#: Points of the engine, between two verbs.
POINTS: Final[dict[str, dict[str, Any]]] = {
    "fan_out.created": scene("tick", enqueued, "family", **INSIDE),
    "fan_in.counted": scene("tick", parked, "family", **INSIDE),
    "fan_in.decided": scene("tick", parked, "family", **INSIDE),
    "wake_due.after": scene("tick", rested, "sleeper"),
    "cancel.done": scene("cancel", parked, "family"),
    "transaction.before_record": scene("tick", enqueued, "payer", **INSIDE),
    "transaction.before_commit": scene("tick", enqueued, "payer", **INSIDE),
    "transaction.after_commit": scene("tick", enqueued, "payer"),
    "mend.timed_out": scene("reap", late, "family"),
}
