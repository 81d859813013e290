"""The verbs of limits: what the caps of the fleet are, and how many jobs of a queue may run at once."""

from __future__ import annotations

from typing import Annotated

import typer

from tickover.cli import show
from tickover.cli.call import Call, verb
from tickover.domain.limits import QUEUE

QueueName = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name.")]


@verb
def list_limits(call: Call) -> None:
    """List the caps: of queues, and those that jobs have met in code; how many jobs run under each, and how many wait."""
    if call.then:
        return
    with call.jobs() as jobs:
        caps = jobs.stats().caps
    if call.json:
        show.document({"limits": caps})
        return
    heads = ("LIMIT", "AT ONCE", "RUNNING", "WAITING", "SET BY")
    rows = [
        (
            cap.key,
            f"{cap.most:,}",
            f"{cap.running:,}",
            f"{cap.waiting:,}",
            "limits set" if _is_queue(cap.key) else "code",
        )
        for cap in caps
    ]
    show.table(heads, rows, empty="No cap has met a job, and no queue has one.")


@verb
def set_limit(
    call: Call,
    queue: QueueName,
    most: Annotated[int, typer.Argument(metavar="N", min=1, help="Jobs that may run at once, over the whole fleet.")],
) -> None:
    """Let at most N jobs of a queue run at once, over the whole fleet, from the next claim on; stops nothing that runs."""
    with call.jobs() as jobs:
        jobs.limit_queue(queue, most)
    _done(call, queue, most, f"At most {show.counted(most, 'job')} of queue {queue} at once.")


@verb
def remove_limit(call: Call, queue: QueueName) -> None:
    """Lift the limit of a queue, if it has one; who waits for it may run."""
    with call.jobs() as jobs:
        jobs.limit_queue(queue, None)
    _done(call, queue, None, f"Queue {queue} has no limit.")


def _is_queue(key: str) -> bool:
    return key.startswith(f"{QUEUE}:")


def _done(call: Call, queue: str, most: int | None, text: str) -> None:
    if call.json:
        show.document({"queue": queue, "limit": most})
    else:
        show.say(text)
