"""What is refused about jobs that are there, and inside of them: each with the words that say what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.world import World
from tickover import CollectAll, Context, Tickover
from tickover.app.callbacks import deliver
from tickover.errors import ConfigurationError, InvalidArgument, InvalidTransition, SignalError

_elsewhere = Tickover("sqlite://")


@_elsewhere.job("child")
def ctx_child(n: int) -> int:
    return n


INSIDE: dict[str, tuple[Callable[[Any], object], str]] = {
    "a change that goes backward": (
        lambda ctx: ctx.version("tax", 2, 1),
        "version('tax', oldest, newest): 2 is more than 1",
    ),
    "a signal's name that is ours": (lambda ctx: ctx.check_signal("_go", returns=int), "is not a signal name"),
    "a session of its own": (
        lambda ctx: ctx.enqueue(ctx_child.using(session=object()).new(1)),
        "ctx.enqueue writes with the job's own checkpoint: leave session= out",
    ),
    "children by name only": (
        lambda ctx: ctx.fan_out(["child"]),
        "A new job is handler.new(…) or NewJob(…), not 'child'",
    ),
    "a strategy in words": (
        lambda ctx: ctx.fan_out([], "all"),
        "A strategy is FailFast(), CollectAll() or Threshold(share)",
    ),
    "progress in words": (lambda ctx: ctx.progress("half"), "progress takes a fraction from 0 to 1"),
    "more than any tick has": (lambda ctx: ctx.using(needs=1000).step("long", abs, 1), "no tick has more than 900 s"),
}


@pytest.mark.parametrize("what", INSIDE)
def test_inside_a_job_it_fails_with_what_to_do(jobs: Tickover, what: str) -> None:
    wrong, said = INSIDE[what]

    @jobs.job
    def parent(ctx: Context) -> None:
        wrong(ctx)

    job = parent.enqueue()
    jobs.tick(20)

    found = jobs.get(job)
    assert (found.state, found.starts) == ("failed", 1)
    assert said in str(found.error)


def test_a_child_of_a_fan_out_is_not_retried_by_hand(jobs: Tickover) -> None:
    @jobs.job(retries=0)
    def child(n: int) -> None:
        raise ValueError("no")

    @jobs.job
    def parent(ctx: Context) -> int:
        return len(ctx.fan_out([child.new(1)], CollectAll()))

    job = parent.enqueue()
    jobs.drain(20)
    (failed,) = jobs.find(parent=job)

    with pytest.raises(InvalidTransition, match="is a child of a fan-out; retry its parent"):
        jobs.retry(failed.id)
    assert jobs.retry_many(kind="child") == []


@pytest.mark.parametrize("message_id", ["", "x" * 256, 7])
def test_a_messages_id_is_a_short_text(jobs: Tickover, message_id: str) -> None:
    job = jobs.enqueue("elsewhere", remote=True)
    with pytest.raises(InvalidArgument, match="message_id= takes 1 to 255 characters"):
        jobs.signal(job, "go", message_id=message_id)


def test_a_signal_whose_name_is_ours_is_refused(jobs: Tickover) -> None:
    job = jobs.enqueue("elsewhere", remote=True)
    with pytest.raises(SignalError, match="'_go' is not a signal name: names that begin with _ are ours"):
        jobs.signal(job, "_go")


@pytest.mark.parametrize(
    ("secret", "said"), [(None, "Callbacks are signed: set TICKOVER_SECRET"), ("short", "characters at least")]
)
def test_a_callback_needs_a_secret_worth_its_name(world: World, secret: str | None, said: str) -> None:
    jobs = world.app(lease=20, secret=secret, public_url="https://jobs.example")

    @jobs.job(retries=0)
    def asker(ctx: Context) -> None:
        ctx.callback("payment", returns=int)

    job = asker.enqueue()
    jobs.tick(20)
    assert jobs.get(job).error_kind == "ConfigurationError"
    assert said in str(jobs.get(job).error)
    with pytest.raises(ConfigurationError):
        deliver(jobs._core, "a.b", 1)


def test_an_answer_to_a_job_that_is_gone_is_refused(jobs: Tickover) -> None:
    seen: list[str] = []

    @jobs.job
    def asker(ctx: Context) -> int | None:
        asked = ctx.callback("payment", returns=int)
        seen.append(asked.url)
        return asked.wait()

    job = asker.enqueue()
    jobs.tick(20)
    jobs.cancel(job)
    assert jobs.purge(state="cancelled", queue="default") == 1

    with pytest.raises(SignalError, match="Nobody waits for this answer any more"):
        deliver(jobs._core, seen[0].rpartition("/")[2], 1)
