"""Time, chance and versions: the same at every replay; and jobs that a workflow enqueues."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flow.test_steps import AT_ONCE, once
from tests.support.world import World
from tickover import Context, DuplicateJob, Tickover
from tickover.errors import InvalidArgument


def test_now_uuid_and_random_are_the_same_at_every_replay_and_differ_from_job_to_job(jobs: Tickover) -> None:
    seen: dict[str, list[tuple[Any, ...]]] = {}

    @jobs.job(backoff=AT_ONCE)
    def flow(ctx: Context) -> None:
        values = (ctx.now(), ctx.uuid(), ctx.uuid(), ctx.random())
        ctx.step("s", lambda: 1)
        seen.setdefault(ctx.job_id, []).append(values)
        once(ctx)

    flow.enqueue()
    flow.enqueue()
    jobs.drain(20)

    (first, again), (other, _) = seen.values()
    assert first == again
    assert first[1] != first[2]
    assert first[1:] != other[1:]
    assert first[0].tzinfo is not None


def test_a_change_of_code_takes_the_new_way_in_new_jobs_and_the_old_way_in_those_that_are_past_it(
    jobs: Tickover,
) -> None:
    changed = [False]
    ways: list[tuple[int, int]] = []

    @jobs.job(backoff=AT_ONCE)
    def flow(ctx: Context) -> None:
        if changed[0]:
            ways.append((ctx.attempt, ctx.version("new charge", 1, 2)))
        ctx.step("charge", lambda: 1)
        if not changed[0]:
            changed[0] = True
            raise ConnectionError
        once(ctx)

    flow.enqueue()
    jobs.drain(20)
    assert ways == [(2, 1)]

    flow.enqueue()
    jobs.drain(20)
    assert ways[1:] == [(1, 2), (2, 2)]


def test_a_version_that_the_code_no_longer_knows_is_refused(jobs: Tickover) -> None:
    known = [(1, 2)]

    @jobs.job(backoff=AT_ONCE)
    def flow(ctx: Context) -> None:
        ctx.version("change", *known[0])
        ctx.step("s", lambda: 1)
        known[0] = (3, 4)
        once(ctx)

    job_id = flow.enqueue()
    jobs.drain(20)

    assert jobs.get(job_id).error_kind == "NonDeterminism"


def test_an_enqueued_job_is_written_once_whatever_the_replays(jobs: Tickover) -> None:
    ids: list[str] = []

    @jobs.job
    def child(n: int) -> None: ...

    @jobs.job(backoff=AT_ONCE)
    def flow(ctx: Context) -> None:
        ids.append(ctx.enqueue(child.using(queue="other", delay=3600).new(7)))
        once(ctx)

    flow.enqueue()
    jobs.drain(5)

    (job,) = jobs.find(kind="child")
    assert ids == [job.id, job.id]
    assert (job.queue, job.payload) == ("other", 7)


def test_a_unique_key_that_is_held_raises_at_every_replay(jobs: Tickover) -> None:
    holders: list[str] = []

    @jobs.job
    def child() -> None: ...

    @jobs.job(backoff=AT_ONCE)
    def flow(ctx: Context) -> None:
        try:
            ctx.enqueue(child.using(unique="u").new())
        except DuplicateJob as held:
            holders.append(held.job_id)
        once(ctx)

    holder = child.using(unique="u", delay=3600).enqueue()
    flow.enqueue()
    jobs.drain(5)

    assert holders == [holder, holder]
    assert len(jobs.find(kind="child")) == 1


@pytest.mark.parametrize("wrong", ["child", None, 7])
def test_what_is_no_new_job_is_refused(jobs: Tickover, wrong: Any) -> None:
    @jobs.job(retries=0)
    def flow(ctx: Context) -> None:
        ctx.enqueue(wrong)

    job_id = flow.enqueue()
    jobs.drain(10)

    assert jobs.get(job_id).error_kind == InvalidArgument.__name__


def test_a_step_that_says_what_it_needs_is_not_started_without_it(jobs: Tickover, world: World) -> None:
    runs: list[int] = []

    @jobs.job
    def flow(ctx: Context) -> None:
        ctx.step("short", lambda: 1)
        ctx.using(needs=8).step("long", runs.append, 1)

    job_id = flow.enqueue()
    jobs.tick(5)

    job = jobs.get(job_id)
    assert (job.state, job.yields, runs) == ("pending", 1, [])
    jobs.tick(20)
    assert (jobs.get(job_id).state, runs) == ("completed", [1])


def test_a_step_that_needs_more_than_any_tick_has_is_refused(jobs: Tickover) -> None:
    @jobs.job(retries=0)
    def flow(ctx: Context) -> None:
        ctx.using(needs=3600).step("endless", lambda: 1)

    job_id = flow.enqueue()
    jobs.drain(10)

    assert "no tick has more" in str(jobs.get(job_id).error)


def test_a_wrong_option_is_refused(jobs: Tickover) -> None:
    @jobs.job
    def flow(ctx: Context) -> None:
        wrongs: list[Any] = [{"retrys": 3}, {"priority": 1}, {"retries": -1}, {"timeout": 0}, {"backoff": 3}]
        for wrong in wrongs:
            with pytest.raises(InvalidArgument):
                ctx.using(**wrong)

    flow.enqueue()
    assert jobs.drain(10).completed == 1
