"""Timers, signals and callbacks: durable before the wait, read exactly once, by the database's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from tests.flow.test_steps import AT_ONCE, once
from tests.support.world import World
from tickover import Context, Tickover
from tickover.app.callbacks import deliver, sign
from tickover.domain.ids import JobId, StepKey
from tickover.errors import ConfigurationError, InvalidArgument, JobNotFound, PayloadError, SignalError
from tickover.testing import in_memory


class Approval(BaseModel):
    by: str
    ok: bool = True


class TestASleep:
    def test_parks_the_job_until_its_instant_and_keeps_no_slot(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> str:
            ctx.sleep(timedelta(days=3))
            return "awake"

        job_id = flow.enqueue()
        with_report = jobs.tick(5)

        job = jobs.get(job_id)
        assert (job.state, job.wait_kind, job.parks, with_report.parked) == ("waiting", "timer", 1, 1)
        assert job.run_at is not None
        assert timedelta(days=2.9) < job.run_at - job.created_at < timedelta(days=3.1)
        assert with_report.next_due_at is not None

    def test_is_over_at_its_first_instant_whatever_happened_since(self, jobs: Tickover) -> None:
        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> int:
            ctx.sleep(timedelta(days=3))
            return ctx.attempt

        with in_memory(jobs) as kit:
            job_id = flow.enqueue()
            kit.drain()
            kit.clock.advance(days=2)
            jobs.pause_job(job_id)
            jobs.resume_job(job_id)
            kit.drain()
            assert jobs.get(job_id).state == "waiting", "woken early it sleeps on"
            kit.clock.advance(days=1, seconds=1)
            kit.drain()
            assert flow.result(job_id) == 1

    def test_until_an_instant_that_is_past_is_over_at_once(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> str:
            ctx.sleep_until(datetime(2020, 1, 1, tzinfo=UTC))
            return "awake"

        job_id = flow.enqueue()
        assert jobs.drain(20).parked == 0
        assert flow.result(job_id) == "awake"

    def test_until_a_naive_instant_is_refused(self, jobs: Tickover) -> None:
        @jobs.job(retries=0)
        def flow(ctx: Context) -> None:
            ctx.sleep_until(datetime(2020, 1, 1))  # noqa: DTZ001  # that is the mistake

        job_id = flow.enqueue()
        jobs.drain(20)

        assert "aware" in str(jobs.get(job_id).error)

    def test_is_not_ended_by_a_signal(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> None:
            ctx.sleep(3600)

        job_id = flow.enqueue()
        jobs.drain(5)
        jobs.signal(job_id, "wake up")
        jobs.drain(2)

        assert jobs.get(job_id).state == "waiting"


class TestASignal:
    def test_wakes_the_job_that_waits_for_it(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> str:
            return ctx.wait_for_signal("approval", returns=Approval).by

        job_id = flow.enqueue()
        jobs.drain(5)
        assert jobs.get(job_id).state == "waiting"

        jobs.signal(job_id, "approval", Approval(by="an operator"))
        jobs.drain(20)

        assert flow.result(job_id) == "an operator"

    def test_that_came_before_the_wait_is_there(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> int:
            return ctx.wait_for_signal("number", returns=int)

        job_id = flow.enqueue()
        jobs.signal(job_id, "number", 7)
        report = jobs.drain(20)

        assert (flow.result(job_id), report.parked) == (7, 0)

    def test_is_read_once_and_in_the_order_of_sending(self, jobs: Tickover) -> None:
        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> list[int]:
            first = ctx.wait_for_signal("n", returns=int)
            once(ctx)
            return [first, ctx.wait_for_signal("n", returns=int), *ctx.drain_signals("n", returns=int)]

        job_id = flow.enqueue()
        for n in range(5):
            jobs.signal(job_id, "n", n)
        jobs.drain(20)

        assert flow.result(job_id) == [0, 1, 2, 3, 4]

    def test_sent_twice_with_one_id_is_there_once(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> list[Any]:
            return ctx.drain_signals("n", returns=int)

        job_id = flow.enqueue()
        jobs.signal(job_id, "n", 1, message_id="m")
        jobs.signal(job_id, "n", 2, message_id="m")
        jobs.drain(20)

        assert flow.result(job_id) == [1]

    def test_of_another_name_does_not_wake(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> None:
            ctx.wait_for_signal("this", returns=int)

        job_id = flow.enqueue()
        jobs.drain(5)
        jobs.signal(job_id, "that")
        jobs.drain(2)

        assert jobs.get(job_id).state == "waiting"

    def test_to_a_paused_job_waits_with_it(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> int:
            return ctx.wait_for_signal("n", returns=int)

        job_id = flow.enqueue()
        jobs.drain(5)
        jobs.pause_job(job_id)
        jobs.signal(job_id, "n", 7)
        jobs.drain(2)
        assert jobs.get(job_id).state == "paused"

        jobs.resume_job(job_id)
        jobs.drain(20)
        assert flow.result(job_id) == 7

    def test_looked_for_is_what_was_there_at_every_replay(self, jobs: Tickover) -> None:
        looks: list[int | None] = []

        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> None:
            looks.append(ctx.check_signal("n", returns=int))
            if ctx.attempt == 1:
                jobs.signal(ctx.job_id, "n", 7)
                raise ConnectionError
            looks.append(ctx.check_signal("n", returns=int))

        flow.enqueue()
        jobs.drain(20)

        assert looks == [None, None, 7]

    def test_that_never_comes_is_none_after_the_timeout_and_at_every_replay(self, jobs: Tickover) -> None:
        answers: list[object] = []

        @jobs.job
        def flow(ctx: Context) -> None:
            answers.append(ctx.wait_for_signal("approval", returns=Approval, timeout=timedelta(days=3)))
            once(ctx)

        with in_memory(jobs) as kit:
            job_id = flow.enqueue()
            kit.drain()
            kit.clock.advance(days=3)
            kit.drain()
            assert jobs.get(job_id).state == "pending", "the second attempt is due in a moment"
            jobs.signal(job_id, "approval", Approval(by="too late"))
            kit.clock.advance(seconds=60)
            kit.drain()
            assert jobs.get(job_id).state == "completed"

        assert answers == [None, None]

    def test_to_nobody_is_an_error(self, jobs: Tickover) -> None:
        @jobs.job
        def done() -> None: ...

        over = done.enqueue()
        jobs.drain(20)

        with pytest.raises(JobNotFound):
            jobs.signal("01900000-0000-7000-8000-000000000001", "n")
        with pytest.raises(SignalError, match="completed"):
            jobs.signal(over, "n")

    @pytest.mark.parametrize("name", ["_ours", "", "a/b", "x" * 300])
    def test_of_a_reserved_name_is_refused_on_both_sides(self, jobs: Tickover, name: str) -> None:
        @jobs.job(retries=0)
        def flow(ctx: Context) -> None:
            ctx.wait_for_signal(name, returns=int)

        job_id = flow.enqueue()
        with pytest.raises(SignalError):
            jobs.signal(job_id, name)
        jobs.drain(20)
        assert jobs.get(job_id).error_kind == "SignalError"

    def test_of_another_type_than_asked_for_fails_the_job_clearly(self, jobs: Tickover) -> None:
        @jobs.job(retries=0)
        def flow(ctx: Context) -> None:
            ctx.wait_for_signal("n", returns=int)

        job_id = flow.enqueue()
        jobs.signal(job_id, "n", "seven")
        jobs.drain(20)

        assert "signal 'n'" in str(jobs.get(job_id).error)

    def test_joins_the_senders_transaction(self, jobs: Tickover, world: World) -> None:
        from sqlalchemy import create_engine

        @jobs.job
        def flow(ctx: Context) -> int:
            return ctx.wait_for_signal("n", returns=int)

        job_id = flow.enqueue()
        jobs.drain(5)
        engine = create_engine(world.url.replace("postgresql://", "postgresql+psycopg://"))
        try:
            with engine.connect() as connection:
                jobs.signal(job_id, "n", 1, session=connection)
                connection.rollback()
            assert jobs.get(job_id).state == "waiting"
            with engine.begin() as connection:
                jobs.signal(job_id, "n", 2, session=connection)
        finally:
            engine.dispose()
        jobs.drain(20)

        assert flow.result(job_id) == 2


class TestACallback:
    @pytest.fixture
    def waiting(self, jobs: Tickover) -> tuple[str, str]:
        """A job that waits for its answer, and the token of the address that it handed out."""
        urls: list[str] = []

        @jobs.job(backoff=AT_ONCE)
        def flow(ctx: Context) -> str:
            callback = ctx.callback("payment", returns=Approval, timeout=3600)
            urls.append(callback.url)
            once(ctx)
            answer = callback.wait()
            return "expired" if answer is None else answer.by

        job_id = flow.enqueue()
        jobs.drain(10)
        assert jobs.get(job_id).state == "waiting"
        assert len(set(urls)) == 1, "every replay hands out the same address"
        assert urls[0].startswith("https://jobs.example/callbacks/")
        return job_id, urls[0].rsplit("/", 1)[1]

    def test_is_answered_once_and_the_same_answer_again_changes_nothing(
        self, jobs: Tickover, waiting: tuple[str, str]
    ) -> None:
        job_id, token = waiting

        assert deliver(jobs._core, token, {"by": "the bank"})
        assert not deliver(jobs._core, token, {"by": "the bank"})
        with pytest.raises(SignalError, match="answered already"):
            deliver(jobs._core, token, {"by": "somebody else"})
        jobs.drain(20)

        assert jobs.result(job_id) == "the bank"

    def test_refuses_an_answer_of_the_wrong_type_and_waits_on(self, jobs: Tickover, waiting: tuple[str, str]) -> None:
        job_id, token = waiting

        with pytest.raises(PayloadError):
            deliver(jobs._core, token, {"buy": "wrong"})

        assert jobs.get(job_id).state == "waiting"

    @pytest.mark.parametrize("damage", ["{}x", "x{}", "e30.{}", "", "...."])
    def test_refuses_a_token_that_it_did_not_sign(self, jobs: Tickover, waiting: tuple[str, str], damage: str) -> None:
        with pytest.raises(SignalError, match="not one of ours"):
            deliver(jobs._core, damage.format(waiting[1]), {"by": "a stranger"})

    def test_refuses_an_answer_after_its_expiry(self, jobs: Tickover, waiting: tuple[str, str], world: World) -> None:
        _, token = waiting
        world.raw.rows("UPDATE callbacks SET expires_at = created_at")

        with pytest.raises(SignalError, match="expired"):
            deliver(jobs._core, token, {"by": "too late"})

    def test_is_verified_by_an_older_secret_while_secrets_are_rotated(
        self, world: World, waiting: tuple[str, str]
    ) -> None:
        rotated = world.app(secret="a newer secret that is long,a secret for tests only")
        strange = world.app(secret="a secret of somebody else")

        assert deliver(rotated._core, waiting[1], {"by": "the bank"})
        with pytest.raises(SignalError):
            deliver(strange._core, waiting[1], {"by": "the bank"})

    @pytest.mark.parametrize("secret", [None, "short", "long enough for everybody,short"])
    def test_needs_a_secret_that_is_long_enough(self, world: World, secret: str | None) -> None:
        plain = world.app(secret=secret)

        with pytest.raises(ConfigurationError, match="TICKOVER_SECRET"):
            sign(plain._core, JobId("01900000-0000-7000-8000-000000000001"), 0, StepKey("k"), None)

    def test_that_nobody_answers_is_none_after_the_timeout(self, jobs: Tickover) -> None:
        @jobs.job
        def flow(ctx: Context) -> bool:
            return ctx.callback("payment", returns=int, timeout=timedelta(days=3)).wait() is None

        with in_memory(jobs) as kit:
            job_id = flow.enqueue()
            kit.drain()
            kit.clock.advance(days=3)
            kit.drain()
            assert flow.result(job_id) is True


def test_code_after_a_suspension_cannot_go_on(jobs: Tickover) -> None:
    """A handler that swallows the suspension gets it again from every verb, and what it returns is ignored."""
    tries: list[str] = []

    @jobs.job
    def flow(ctx: Context) -> str:
        for what in (lambda: ctx.sleep(3600), lambda: ctx.step("s", lambda: 1), ctx.check, lambda: ctx.now()):
            try:
                what()
            except BaseException as error:  # noqa: BLE001  # that is the mistake
                tries.append(type(error).__name__)
        return "swallowed"

    job_id = flow.enqueue()
    jobs.drain(5)

    assert tries == ["Suspend"] * 4
    assert (jobs.get(job_id).state, jobs.get(job_id).wait_kind) == ("waiting", "timer")


def test_what_waits_is_refused_in_a_steps_function(jobs: Tickover) -> None:
    @jobs.job
    def flow(ctx: Context) -> str:
        def inner() -> None:
            with pytest.raises(InvalidArgument):
                ctx.sleep(1)

        ctx.step("inner", inner)
        return "refused"

    job_id = flow.enqueue()
    jobs.drain(10)
    assert flow.result(job_id) == "refused"
