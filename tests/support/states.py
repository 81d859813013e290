"""A job in any state that one can be in, reached by the moves of the diagram."""

from __future__ import annotations

from typing import Any, Final

from tests.support.world import World, settle
from tickover.domain.outcome import Completed, Failed

LIVE: Final = ["pending", "running", "waiting", "paused"]
ALL: Final = [*LIVE, "completed", "failed", "cancelled"]


def brought_to(world: World, state: str, **options: Any) -> str:
    """The id of a new job in that state."""
    if state == "pending":
        return world.add_one(**options)
    if state == "paused":
        job_id = world.add_one(**options)
        world.jobs.pause_job(job_id)
        return job_id
    if state == "cancelled":
        job_id = world.add_one(**options)
        world.jobs.cancel(job_id)
        return job_id
    store, job = world.running(**options)
    match state:
        case "waiting":
            park(world, job.id)
        case "completed":
            settle(store, job, Completed('"done"'))
        case "failed":
            settle(store, job, Failed("no", "E", retry=False))
    return job.id


def park(world: World, job_id: str) -> None:
    """What a wait for a signal leaves in the row; the verb for it comes with signals."""
    world.raw.set(job_id, state="waiting", wait_kind="signal", wait_ref="approval", lease_until=None, parks=1)
