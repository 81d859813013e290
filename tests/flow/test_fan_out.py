"""Fan-out: children and park at once, counters instead of counting, one decision, the same slots at every replay."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.flow.test_steps import AT_ONCE, once
from tests.support.world import World
from tickover import (
    CollectAll,
    Context,
    FailFast,
    NewJob,
    NoRetry,
    Threshold,
    Tickover,
    all_succeeded,
    partition,
    success_count,
    values,
)
from tickover.errors import FanOutFailed, InvalidTransition
from tickover.testing import in_memory


def family(jobs: Tickover, *, bad: set[int] = frozenset(), strategy: Any = None, **options: Any) -> Any:  # type: ignore[assignment]  # empty and never changed
    """A parent of n children, of which those in `bad` fail; returns what it made of their slots."""

    @jobs.job
    def child(n: int) -> int:
        if n in bad:
            raise NoRetry(f"child {n} fails")
        return n * n

    @jobs.job(backoff=AT_ONCE)
    def parent(ctx: Context, n: int) -> dict[str, Any]:
        results = ctx.fan_out([child.new(i) for i in range(n)], strategy, **options)
        once(ctx)
        return {
            "values": values(results),
            "failed": [result.index for result in partition(results)[1]],
            "good": success_count(results),
            "all": all_succeeded(results),
        }

    return parent


def counts(world: World) -> list[tuple[Any, ...]]:
    return world.raw.rows("SELECT total, done, failed, cancelled, status FROM fan_outs ORDER BY id")


class TestAFanOut:
    def test_gives_the_values_in_order_and_the_same_at_a_replay(self, jobs: Tickover, world: World) -> None:
        parent = family(jobs)
        job_id = parent.enqueue(5)
        jobs.drain(20)

        assert parent.result(job_id)["values"] == [0, 1, 4, 9, 16]
        assert counts(world) == [(5, 5, 0, 0, "completed")]
        assert jobs.get(job_id).parks == 1
        assert [jobs.get(child).fan_out_index for child in jobs.get(job_id).children] == [0, 1, 2, 3, 4]

    def test_of_nothing_is_nothing_and_does_not_wait(self, jobs: Tickover) -> None:
        parent = family(jobs)
        job_id = parent.enqueue(0)
        report = jobs.drain(20)

        assert parent.result(job_id)["values"] == []
        assert report.parked == 0

    def test_is_not_seen_before_its_parent_is_parked(self, jobs: Tickover, world: World) -> None:
        seen: list[int] = []

        @jobs.job
        def child() -> None: ...

        @jobs.job
        def parent(ctx: Context) -> None:
            try:
                ctx.fan_out([child.new()])
            finally:
                seen.append(world.raw.one("SELECT count(*) FROM jobs WHERE parent_id IS NOT NULL"))

        parent.enqueue()
        jobs.drain(20)

        assert seen[0] == 0

    def test_children_inherit_what_nobody_said(self, jobs: Tickover) -> None:
        @jobs.job(retries=7)
        def child() -> None: ...

        @jobs.job
        def parent(ctx: Context) -> None:
            ctx.fan_out([child.new(), child.using(priority=0, queue="own", retries=0).new()], retries=2)

        job_id = parent.using(queue="lane", priority=5, tenant="acme", meta={"a": 1}).enqueue()
        jobs.drain(20)

        first, second = (jobs.get(one) for one in jobs.get(job_id).children)
        assert (first.queue, first.priority, first.tenant, first.meta) == ("lane", 5, "acme", {"a": 1})
        assert (second.queue, second.priority) == ("own", 0)
        assert first.root_id == first.parent_id == job_id

    def test_retries_come_from_the_child_then_the_fan_out_then_the_registration(
        self, jobs: Tickover, world: World
    ) -> None:
        @jobs.job(retries=7)
        def child() -> None: ...

        @jobs.job
        def parent(ctx: Context, retries: int | None) -> None:
            options: Any = {} if retries is None else {"retries": retries}
            ctx.fan_out([child.new(), child.using(retries=0).new()], **options)

        parent.enqueue(None)
        parent.enqueue(2)
        jobs.drain(20)

        found = world.raw.rows(
            "SELECT max_retries FROM jobs WHERE parent_id IS NOT NULL ORDER BY parent_id, fan_out_index"
        )
        assert [row[0] for row in found] == [7, 0, 2, 0]

    def test_can_be_nested(self, jobs: Tickover, world: World) -> None:
        @jobs.job
        def leaf(n: int) -> int:
            return n

        @jobs.job
        def branch(ctx: Context, n: int) -> int:
            return sum(values(ctx.fan_out([leaf.new(n), leaf.new(n)])))

        @jobs.job
        def root(ctx: Context) -> int:
            return sum(values(ctx.fan_out([branch.new(n) for n in range(3)])))

        job_id = root.enqueue()
        jobs.drain(20)

        assert root.result(job_id) == 6
        assert Counter(row[4] for row in counts(world)) == {"completed": 4}
        leaves = jobs.find(kind="leaf")
        assert {leaf_.root_id for leaf_ in leaves} == {job_id}

    def test_after_another_waits_for_its_own_children(self, jobs: Tickover) -> None:
        @jobs.job
        def child(n: int) -> int:
            return n

        @jobs.job
        def parent(ctx: Context) -> list[int]:
            first = values(ctx.fan_out([child.new(1), child.new(2)]))
            return first + values(ctx.fan_out([child.new(n + 10) for n in first]))

        job_id = parent.enqueue()
        jobs.drain(20)

        assert parent.result(job_id) == [1, 2, 11, 12]

    def test_by_name_decodes_the_results(self, jobs: Tickover) -> None:
        @jobs.job("square")
        def square(n: int) -> float:
            return n * n / 2

        @jobs.job
        def parent(ctx: Context) -> float:
            return sum(values(ctx.fan_out([NewJob("square", n, returns=float) for n in (1, 2)])))

        job_id = parent.enqueue()
        jobs.drain(20)

        assert parent.result(job_id) == 2.5

    @pytest.mark.parametrize("option", [{"unique": "u"}, {"idempotency_key": "k"}])
    def test_refuses_a_child_with_a_key_before_anything_is_written(
        self, jobs: Tickover, world: World, option: Any
    ) -> None:
        @jobs.job
        def child() -> None: ...

        @jobs.job(retries=0)
        def parent(ctx: Context) -> None:
            ctx.fan_out([child.new(), child.using(**option).new()])

        job_id = parent.enqueue()
        jobs.drain(20)

        assert jobs.get(job_id).error_kind == "InvalidArgument"
        assert counts(world) == []

    def test_has_ten_thousand_children_at_most(self, jobs: Tickover, world: World) -> None:
        parent = family(jobs)
        job_id = parent.using(retries=0).enqueue(10_001)
        jobs.drain(20)

        assert "10,000 children at most" in str(jobs.get(job_id).error)
        assert counts(world) == []

    def test_of_an_unknown_kind_is_refused_before_anything_is_written(self, jobs: Tickover, world: World) -> None:
        @jobs.job(retries=0)
        def parent(ctx: Context) -> None:
            ctx.fan_out([NewJob("nobody-knows", returns=int)])

        job_id = parent.enqueue()
        jobs.drain(20)

        assert (jobs.get(job_id).error_kind, counts(world)) == ("HandlerNotFound", [])


class TestAStrategy:
    def test_fail_fast_fails_the_parent_once_and_the_other_children_still_settle(
        self, jobs: Tickover, world: World
    ) -> None:
        parent = family(jobs, bad={1}, strategy=FailFast())
        job_id = parent.enqueue(4)
        jobs.drain(20)

        job = jobs.get(job_id)
        assert (job.state, job.failures, job.error_kind) == ("failed", 1, "FanOutFailed")
        assert counts(world) == [(4, 3, 1, 0, "failed")]

    def test_fail_fast_may_be_caught_and_shows_every_slot(self, jobs: Tickover) -> None:
        @jobs.job
        def child(n: int) -> int:
            if n == 1:
                raise NoRetry("no")
            return n

        @jobs.job
        def parent(ctx: Context) -> list[str]:
            with pytest.raises(FanOutFailed) as failed:
                ctx.fan_out([child.new(n) for n in range(3)])
            return [type(result.error).__name__ for result in failed.value.results]

        job_id = parent.enqueue()
        jobs.drain(20, concurrency=1)

        assert parent.result(job_id)[1] == "JobFailedError"

    def test_collect_all_completes_whatever_the_children_did(self, jobs: Tickover) -> None:
        parent = family(jobs, bad={0, 2}, strategy=CollectAll())
        job_id = parent.enqueue(4)
        jobs.drain(20)

        assert parent.result(job_id) == {"values": [1, 9], "failed": [0, 2], "good": 2, "all": False}

    def test_collect_all_completes_when_every_child_failed(self, jobs: Tickover) -> None:
        parent = family(jobs, bad={0, 1}, strategy=CollectAll())
        job_id = parent.enqueue(2)
        jobs.drain(20)

        assert parent.result(job_id)["failed"] == [0, 1]

    @pytest.mark.parametrize(
        ("share", "bad", "state"),
        [(0.8, {0}, "completed"), (0.8, {0, 1}, "failed"), (0, {0, 1, 2, 3, 4}, "completed"), (1, {0}, "failed"),
         (0.61, {0}, "completed"), (0.61, {0, 1}, "failed")],
    )  # fmt: skip
    def test_threshold_rounds_up_and_fails_when_it_cannot_be_reached(
        self, jobs: Tickover, share: float, bad: set[int], state: str
    ) -> None:
        job_id = family(jobs, bad=bad, strategy=Threshold(share)).enqueue(5)
        jobs.drain(20)

        assert jobs.get(job_id).state == state

    def test_cancel_on_failure_ends_the_children_that_have_not_ended(self, jobs: Tickover, world: World) -> None:
        @jobs.job
        def child(n: int) -> None:
            if n == 0:
                raise NoRetry("no")

        @jobs.job
        def parent(ctx: Context) -> None:
            late = [child.using(delay=3600).new(n) for n in (1, 2)]
            ctx.fan_out([child.new(0), *late], cancel_on_failure=True)

        job_id = parent.enqueue()
        jobs.drain(5)

        assert jobs.get(job_id).state == "failed"
        assert [jobs.get(one).state for one in jobs.get(job_id).children] == ["failed", "cancelled", "cancelled"]
        assert counts(world) == [(3, 0, 1, 2, "failed")]

    def test_a_cancelled_child_counts_and_wakes_its_parent(self, jobs: Tickover) -> None:
        @jobs.job
        def child(n: int) -> int:
            return n

        @jobs.job
        def parent(ctx: Context) -> list[str]:
            results = ctx.fan_out([child.new(0), child.using(delay=3600).new(1)], CollectAll())
            return [type(result.error).__name__ for result in results]

        job_id = parent.enqueue()
        jobs.drain(5)
        assert jobs.get(job_id).state == "waiting"

        jobs.cancel(jobs.get(job_id).children[1])
        jobs.drain(10)

        assert parent.result(job_id) == ["NoneType", "JobCancelledError"]

    def test_its_time_limit_is_enforced_by_any_tick(self, jobs: Tickover) -> None:
        @jobs.job
        def child(n: int) -> int:
            return n

        @jobs.job
        def parent(ctx: Context) -> list[str]:
            with pytest.raises(FanOutFailed) as failed:
                ctx.fan_out([child.new(0), child.using(delay=86_400).new(1)], CollectAll(), timeout=3600)
            return [type(result.error).__name__ for result in failed.value.results]

        with in_memory(jobs) as kit:
            job_id = parent.enqueue()
            kit.drain()
            assert jobs.get(job_id).state == "waiting"
            kit.clock.advance(hours=1, seconds=1)
            kit.drain()
            assert parent.result(job_id) == ["NoneType", "JobNotCompleted"]


class TestATree:
    def build(self, jobs: Tickover) -> str:
        @jobs.job
        def leaf(n: int) -> None: ...

        @jobs.job
        def branch(ctx: Context, n: int) -> None:
            ctx.fan_out([leaf.using(delay=3600).new(n), leaf.using(delay=3600).new(n)])

        @jobs.job
        def root(ctx: Context) -> None:
            ctx.fan_out([branch.new(n) for n in range(2)])

        job_id = root.enqueue()
        jobs.drain(5)
        return job_id

    def test_is_cancelled_with_everything_below(self, jobs: Tickover, world: World) -> None:
        job_id = self.build(jobs)
        assert len(jobs.find()) == 7

        jobs.cancel(job_id)

        assert {job.state for job in jobs.find()} == {"cancelled"}
        assert all(total == cancelled for total, _, _, cancelled, _ in counts(world))

    def test_a_child_is_not_retried_by_hand(self, jobs: Tickover) -> None:
        job_id = self.build(jobs)
        jobs.cancel(job_id)

        with pytest.raises(InvalidTransition, match="parent"):
            jobs.retry(jobs.get(job_id).children[0])

    def test_a_paused_parent_stays_paused_when_its_children_end_and_goes_on_when_resumed(self, jobs: Tickover) -> None:
        gone: list[int] = []

        @jobs.job
        def child(n: int) -> int:
            return n

        @jobs.job
        def parent(ctx: Context) -> int:
            total = sum(values(ctx.fan_out([child.using(delay=0.2).new(n) for n in (1, 2)])))
            gone.append(total)
            return total

        job_id = parent.enqueue()
        jobs.tick(2)
        jobs.pause_job(job_id)
        jobs.drain(5)
        assert (jobs.get(job_id).state, gone) == ("paused", [])

        jobs.resume_job(job_id)
        jobs.drain(10)
        assert (parent.result(job_id), gone) == (3, [3])

    def test_a_failed_parent_is_retried_with_its_failed_children(self, jobs: Tickover) -> None:
        broken = [True]
        runs: Counter[int] = Counter()

        @jobs.job
        def child(n: int) -> int:
            runs[n] += 1
            if n == 1 and broken[0]:
                raise NoRetry("broken")
            return n

        @jobs.job
        def parent(ctx: Context) -> int:
            ctx.step("before", lambda: runs.update([99]))
            return sum(values(ctx.fan_out([child.new(n) for n in range(3)])))

        job_id = parent.enqueue()
        jobs.drain(10)
        assert jobs.get(job_id).state == "failed"

        broken[0] = False
        jobs.retry(job_id)
        jobs.drain(10)

        assert parent.result(job_id) == 3
        assert runs[99] == 1, "a retry keeps what was recorded"

    def test_a_fresh_retry_takes_every_step_again(self, jobs: Tickover) -> None:
        runs: list[int] = []

        @jobs.job(retries=0)
        def flow(ctx: Context) -> None:
            ctx.step("a", runs.append, 1)
            if len(runs) == 1:
                raise ValueError

        job_id = flow.enqueue()
        jobs.drain(10)
        jobs.retry(job_id, fresh=True)
        jobs.drain(10)

        assert (jobs.get(job_id).state, runs, jobs.get(job_id).generation) == ("completed", [1, 1], 1)
