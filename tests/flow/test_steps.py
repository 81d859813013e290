"""`call` and `step`: each runs once and is recorded; a replay gets equal values of equal types, and takes the same path."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from tests.support.world import World
from tickover import Context, ExponentialBackoff, NoRetry, RetryAfter, StepFailed, Tickover
from tickover.errors import InvalidArgument

AT_ONCE = ExponentialBackoff(initial=0)


class Order(BaseModel):
    id: str
    placed: datetime
    lines: tuple[int, ...] = ()


@dataclass
class Receipt:
    number: int


def keys(jobs: Tickover, job_id: str) -> list[str]:
    return [step.key for step in jobs.get(job_id).steps]


def once(ctx: Context) -> None:
    """Fails the first attempt, so that the second one replays."""
    if ctx.attempt == 1:
        raise ConnectionError("the first attempt fails")


class TestAStep:
    def test_runs_once_whatever_the_retries(self, jobs: Tickover) -> None:
        runs: Counter[str] = Counter()

        def count(name: str) -> str:
            runs[name] += 1
            return name

        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> list[str]:
            done = [ctx.step("a", count, "a"), ctx.step("b", count, "b")]
            once(ctx)
            return [*done, ctx.step("c", count, "c")]

        job_id = flow.enqueue()
        jobs.drain(20)

        assert flow.result(job_id) == ["a", "b", "c"]
        assert runs == {"a": 1, "b": 1, "c": 1}
        assert keys(jobs, job_id) == ["a#0", "b#0", "c#0"]

    @pytest.mark.parametrize(
        "value",
        [
            Order(id="o", placed=datetime(2024, 5, 17, tzinfo=UTC), lines=(1, 2)),
            Receipt(7),
            (1, "two"),
            {"a": [1.5]},
            None,
            "text",
            3,
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_gives_an_equal_value_of_the_same_type_on_the_first_run_and_on_a_replay(
        self, jobs: Tickover, value: Any
    ) -> None:
        seen: list[Any] = []

        def make() -> Any:
            return value

        make.__annotations__["return"] = type(value) if value is not None else None

        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> None:
            seen.append(ctx.step("make", make))
            once(ctx)

        flow.enqueue()
        jobs.drain(20)

        assert [type(one) for one in seen] == [type(value)] * 2
        assert seen == [value, value]

    def test_of_a_name_that_comes_again_is_numbered(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> list[int]:
            return [ctx.step("square", lambda n: n * n, n) for n in range(3)]

        job_id = flow.enqueue()
        jobs.drain(20)

        assert jobs.result(job_id) == [0, 1, 4]
        assert keys(jobs, job_id) == ["square#0", "square#1", "square#2"]

    def test_whose_value_has_no_json_form_fails_without_a_retry(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> None:
            ctx.step("lock", threading.Lock)

        job_id = flow.enqueue()
        jobs.drain(20)

        job = jobs.get(job_id)
        assert (job.state, job.starts, job.error_kind) == ("failed", 1, "PayloadError")
        assert "cannot be stored" in str(job.error)

    def test_that_is_larger_than_a_mebibyte_fails_without_a_retry(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> None:
            ctx.step("large", lambda: "x" * (1024 * 1024 + 1))

        job_id = flow.enqueue()
        jobs.drain(20)

        assert (jobs.get(job_id).state, jobs.get(job_id).starts) == ("failed", 1)

    @pytest.mark.parametrize("name", ["", "a/b", "a#1", "a[0]", "_mine", "x" * 201, 7, "a\nb"])
    def test_with_a_name_that_no_key_can_have_is_refused(self, jobs: Tickover, name: Any) -> None:
        @jobs.job(retries=0)
        def flow(ctx: Context) -> None:
            ctx.step(name, lambda: 1)

        job_id = flow.enqueue()
        jobs.drain(20)

        assert jobs.get(job_id).error_kind == "InvalidArgument"

    def test_takes_no_verb_of_its_context_inside(self, jobs: Tickover) -> None:
        @jobs.job(retries=0)
        def flow(ctx: Context) -> None:
            def inner() -> None:
                ctx.progress(0.5)
                assert ctx.remaining > 0
                ctx.step("inner", lambda: 1)

            ctx.step("outer", inner)

        job_id = flow.enqueue()
        jobs.drain(20)

        assert "A step's function may use" in str(jobs.get(job_id).error)

    def test_of_two_threads_at_once_is_refused(self, jobs: Tickover) -> None:
        caught: list[BaseException] = []

        @jobs.job
        def flow(ctx: Context) -> None:
            def elsewhere() -> None:
                try:
                    ctx.step("there", lambda: 1)
                except InvalidArgument as error:
                    caught.append(error)

            def here() -> None:
                thread = threading.Thread(target=elsewhere)
                thread.start()
                thread.join(20)

            ctx.step("here", here)

        flow.enqueue()
        assert jobs.drain(20).completed == 1
        assert len(caught) == 1

    def test_that_takes_too_long_is_left_behind_and_fails(self, jobs: Tickover) -> None:
        leave = threading.Event()

        @jobs.job
        def flow(ctx: Context) -> str:
            try:
                ctx.using(timeout=0.05).step("slow", leave.wait, 30)
            except StepFailed as failed:
                return failed.error_kind
            return "in time"

        job_id = flow.enqueue()
        jobs.drain(20)
        leave.set()

        assert flow.result(job_id) == "TimedOut"


class TestAFailedStep:
    def test_that_nobody_catches_is_taken_again_by_the_next_attempt(self, jobs: Tickover) -> None:
        runs: list[int] = []

        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> str:
            def flaky() -> str:
                runs.append(ctx.attempt)
                if len(runs) == 1:
                    raise ValueError("not yet")
                return "done"

            return ctx.step("flaky", flaky)

        job_id = flow.enqueue()
        jobs.drain(20)

        assert (flow.result(job_id), runs) == ("done", [1, 2])
        assert jobs.get(job_id).failures == 1

    def test_ends_the_job_with_what_was_raised(self, jobs: Tickover) -> None:
        @jobs.job(retries=0)
        def flow(ctx: Context) -> None:
            ctx.step("divide", lambda: 1 // 0)

        job_id = flow.enqueue()
        jobs.drain(20)

        job = jobs.get(job_id)
        assert (job.state, job.error_kind) == ("failed", "ZeroDivisionError")
        assert job.steps == []

    def test_that_was_caught_is_caught_again_by_every_replay(self, jobs: Tickover) -> None:
        runs: list[str] = []
        branches: list[tuple[str, str, str]] = []

        def boom() -> None:
            runs.append("boom")
            raise ValueError("no")

        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> None:
            try:
                ctx.step("boom", boom)
            except StepFailed as failed:
                branches.append((failed.step, failed.error_kind, failed.message))
            ctx.step("after", runs.append, "after")
            once(ctx)

        job_id = flow.enqueue()
        jobs.drain(20)

        assert jobs.get(job_id).state == "completed"
        assert runs == ["boom", "after"]
        assert branches == [("boom", "ValueError", "no")] * 2

    def test_that_must_not_be_retried_ends_the_job_also_through_the_chain(self, jobs: Tickover) -> None:
        def refuse() -> None:
            raise NoRetry("never")

        @jobs.job
        def flow(ctx: Context) -> None:
            ctx.using(retries=5).step("refuse", refuse)

        job_id = flow.enqueue()
        jobs.drain(20)

        assert (jobs.get(job_id).state, jobs.get(job_id).starts) == ("failed", 1)

    def test_keeps_its_meaning_when_a_replay_raises_it_from_the_record(self, jobs: Tickover) -> None:
        def limited() -> None:
            raise RetryAfter(300, "slow down")

        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> None:
            try:
                ctx.step("limited", limited)
            except StepFailed as failed:
                ctx.step("noted", lambda: 1)
                if ctx.attempt == 1:
                    raise ConnectionError("again") from None
                raise failed from failed.__cause__

        job_id = flow.enqueue()
        jobs.drain(2)

        job = jobs.get(job_id)
        assert (job.state, job.failures) == ("pending", 2)
        assert job.run_at is not None
        assert job.started_at is not None
        assert 299 < (job.run_at - job.started_at).total_seconds() < 310


class TestRetriesOfAStep:
    def test_run_inside_the_attempt(self, jobs: Tickover) -> None:
        runs: list[int] = []

        def flaky() -> int:
            runs.append(1)
            if len(runs) < 3:
                raise ValueError("not yet")
            return len(runs)

        @jobs.job
        def flow(ctx: Context) -> int:
            return ctx.using(retries=2, backoff=AT_ONCE).step("flaky", flaky)

        job_id = flow.enqueue()
        jobs.drain(20)

        job = jobs.get(job_id)
        assert (flow.result(job_id), job.failures, job.starts) == (3, 0, 1)

    def test_are_n_plus_one_tries(self, jobs: Tickover) -> None:
        runs: list[int] = []

        @jobs.job(retries=0)
        def flow(ctx: Context) -> None:
            def fail() -> None:
                runs.append(1)
                raise ValueError

            ctx.using(retries=2, backoff=AT_ONCE).step("fail", fail)

        flow.enqueue()
        jobs.drain(20)

        assert len(runs) == 3

    def test_that_have_to_wait_long_park_the_job_and_keep_no_slot(self, jobs: Tickover) -> None:
        runs: list[int] = []

        def flaky() -> str:
            runs.append(1)
            if len(runs) == 1:
                raise RetryAfter(3600, "in an hour")
            return "done"

        @jobs.job
        def flow(ctx: Context) -> str:
            return ctx.using(retries=1).step("flaky", flaky)

        job_id = flow.enqueue()
        jobs.drain(5)

        job = jobs.get(job_id)
        assert (job.state, job.wait_kind, job.parks, job.failures) == ("waiting", "retry", 1, 0)
        jobs.pause_job(job_id)
        jobs.resume_job(job_id)
        jobs.drain(5)
        assert (jobs.get(job_id).state, len(runs)) == ("waiting", 1), "woken early it waits for the rest of the time"


class TestACall:
    def test_runs_another_handler_here_and_nests_its_keys(self, jobs: Tickover) -> None:
        @jobs.job
        def charge(ctx: Context, order: Order) -> Receipt:
            return Receipt(ctx.step("post", lambda: 41) + 1)

        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context, order: Order) -> int:
            receipt = ctx.call(charge, order)
            assert isinstance(receipt, Receipt)
            once(ctx)
            return receipt.number

        job_id = flow.enqueue(Order(id="o", placed=datetime(2024, 5, 17, tzinfo=UTC)))
        jobs.drain(20)

        assert flow.result(job_id) == 42
        assert keys(jobs, job_id) == ["charge#0/post#0", "charge#0"]

    def test_by_name_decodes_what_it_is_told(self, jobs: Tickover) -> None:
        @jobs.job("make-order")
        def make(number: int) -> dict[str, Any]:
            return {"id": str(number), "placed": "2024-05-17T00:00:00Z"}

        @jobs.job
        def flow(ctx: Context) -> str:
            order = ctx.call("make-order", 7, returns=Order)
            assert isinstance(order, Order)
            return order.id

        job_id = flow.enqueue()
        jobs.drain(20)

        assert flow.result(job_id) == "7"

    def test_that_is_tried_again_takes_its_failed_steps_again_and_keeps_the_others(self, jobs: Tickover) -> None:
        runs: Counter[str] = Counter()

        def count(name: str) -> None:
            runs[name] += 1
            if name == "second" and runs[name] == 1:
                raise ValueError("not yet")

        @jobs.job
        def inner(ctx: Context) -> None:
            ctx.step("first", count, "first")
            ctx.step("second", count, "second")

        @jobs.job
        def flow(ctx: Context) -> None:
            ctx.using(retries=1, backoff=AT_ONCE).call(inner)

        job_id = flow.enqueue()
        jobs.drain(20)

        assert jobs.get(job_id).state == "completed"
        assert runs == {"first": 1, "second": 2}

    @pytest.mark.parametrize(("payload", "said"), [("seven", "int"), (None, "int")])
    def test_with_a_payload_that_does_not_fit_is_refused_before_it_begins(
        self, jobs: Tickover, payload: Any, said: str
    ) -> None:
        @jobs.job
        def double(n: int) -> int:
            return 2 * n

        @jobs.job(retries=0)
        def flow(ctx: Context) -> None:
            ctx.call("double", payload, returns=int)

        job_id = flow.enqueue()
        jobs.drain(20)

        job = jobs.get(job_id)
        assert (job.error_kind, said in str(job.error)) == ("PayloadError", True)

    def test_of_what_this_code_cannot_run_says_what_to_do(self, jobs: Tickover) -> None:
        @jobs.job
        async def later(n: int) -> int:
            return n

        @jobs.job(remote=True)
        def elsewhere(n: int) -> int:
            return n

        told: list[str] = []

        @jobs.job
        def flow(ctx: Context) -> None:
            for what in (later, elsewhere, len):
                with pytest.raises(InvalidArgument) as refused:
                    ctx.call(what, 1)  # type: ignore[call-overload]  # what a type checker would catch too
                told.append(str(refused.value))

        flow.enqueue()
        assert jobs.drain(20).completed == 1
        assert ["async def" in told[0], "remote=True" in told[1], "ctx.step" in told[2]] == [True] * 3


class TestAReplay:
    def test_that_calls_a_step_with_other_arguments_is_refused(self, jobs: Tickover) -> None:
        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> None:
            ctx.step("charge", lambda n: n, ctx.attempt)
            once(ctx)

        job_id = flow.enqueue()
        jobs.drain(20)

        job = jobs.get(job_id)
        assert (job.state, job.error_kind, job.starts) == ("failed", "NonDeterminism", 2)
        assert "recorded: step charge#0 with arguments" in str(job.error)

    def test_that_takes_another_kind_of_step_is_refused_even_when_the_handler_swallows_it(self, jobs: Tickover) -> None:
        @jobs.job
        def same() -> None: ...

        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> str:
            try:
                if ctx.attempt == 1:
                    ctx.step("same", lambda: 1)
                else:
                    ctx.call(same)
            except Exception:  # noqa: BLE001  # a handler may be written like this
                return "swallowed"
            raise ConnectionError

        job_id = flow.enqueue()
        jobs.drain(20)

        assert (jobs.get(job_id).state, jobs.get(job_id).error_kind) == ("failed", "NonDeterminism")

    @pytest.mark.parametrize(("mode", "ends"), [("strict", "failed"), ("explicit", "completed")])
    def test_that_leaves_a_recorded_step_out_fails_in_strict_mode_alone(
        self, jobs: Tickover, mode: Any, ends: str
    ) -> None:
        @jobs.job(backoff=AT_ONCE, determinism=mode)
        def flow(ctx: Context) -> None:
            if ctx.attempt == 1:
                ctx.step("only then", lambda: 1)
            ctx.version("change", 1, 2)
            once(ctx)

        job_id = flow.enqueue()
        jobs.drain(20)

        assert jobs.get(job_id).state == ends

    def test_costs_one_read_of_the_record_and_no_write(self, jobs: Tickover, world: World) -> None:
        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> None:
            for n in range(50):
                ctx.step("n", lambda n: n, n)
            once(ctx)

        job_id = flow.enqueue()
        jobs.tick(20)
        written = world.raw.one("SELECT count(*) FROM checkpoints")
        with jobs._core.database.link() as link:
            before = link.statements
        jobs.tick(20)
        with jobs._core.database.link() as link:
            spent = link.statements - before

        assert jobs.get(job_id).state == "completed"
        assert world.raw.one("SELECT count(*) FROM checkpoints") == written == 50
        assert spent <= 12


WRONG_USES: dict[str, Callable[[Context], object]] = {
    "a bad name": lambda ctx: ctx.step("a/b", abs, 1),
    "a step of no function": lambda ctx: ctx.step("sleep", "no function"),  # type: ignore[arg-type]  # refused
    "needs more than any tick has": lambda ctx: ctx.using(needs=10_000).step("long", abs, 1),
    "a step in a step": lambda ctx: ctx.step("outer", lambda: ctx.step("inner", abs, 1)),
    "retries of its own": lambda ctx: ctx.using(retries=2).step("outer", lambda: ctx.sleep(1)),
    "told on": lambda ctx: told_on(ctx),
}


def told_on(ctx: Context) -> None:
    try:
        ctx.sleep(-1)
    except ValueError as error:
        raise RuntimeError("it went wrong") from error


@pytest.mark.parametrize("wrong", WRONG_USES)
def test_a_wrong_use_of_a_verb_ends_the_job_at_once_since_the_same_code_will_do_it_again(
    jobs: Tickover, wrong: str
) -> None:
    @jobs.job(retries=5)
    def parent(ctx: Context) -> None:
        WRONG_USES[wrong](ctx)

    job = jobs.get(parent.enqueue())
    report = jobs.tick(20)

    found = jobs.get(job.id)
    assert (report.failed, report.retried, found.state, found.starts) == (1, 0, "failed", 1)


def test_a_handler_that_knows_better_says_when_to_come_back(jobs: Tickover) -> None:
    @jobs.job
    def parent(ctx: Context) -> None:
        try:
            ctx.sleep(-1)
        except InvalidArgument as error:
            raise RetryAfter(60, "the calendar is wrong now") from error

    job = parent.enqueue()
    assert jobs.tick(20).retried == 1
    assert jobs.get(job).state == "pending"


def test_mended_code_goes_on_behind_the_steps_that_a_wrong_use_left_recorded(world: World, jobs: Tickover) -> None:
    taken: list[str] = []

    @jobs.job("import")
    def wrong(ctx: Context) -> None:
        ctx.step("fetch", taken.append, "fetch")
        ctx.step("unpack/all", taken.append, "unpack")

    job = wrong.enqueue()
    jobs.tick(20)
    assert (jobs.get(job).state, jobs.get(job).error_kind) == ("failed", "InvalidArgument")

    deployed = world.app(lease=20)

    @deployed.job("import")
    def right(ctx: Context) -> None:
        ctx.step("fetch", taken.append, "fetch")
        ctx.step("unpack", taken.append, "unpack")

    deployed.retry(job)
    deployed.tick(20)
    assert (deployed.get(job).state, taken) == ("completed", ["fetch", "unpack"])
