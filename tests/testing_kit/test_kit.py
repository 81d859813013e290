"""`kit.run`, `kit.enqueued`, `kit.replace`; and the Lambda context."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from pydantic import BaseModel

from tickover import Budget, Context, Tickover, errors
from tickover.testing import Kit, fake_lambda_context, in_memory


class Mail(BaseModel):
    to: str
    subject: str = "Hello"


# --- run ---------------------------------------------------------------------------------------------------------------


def test_run_returns_what_the_job_returned_with_its_type(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def answer(mail: Mail) -> Mail:
        return Mail(to="us", subject=f"Re: {mail.subject}")

    assert kit.run(answer, Mail(to="you")) == Mail(to="us", subject="Re: Hello")
    assert kit.run(answer, mail=Mail(to="you", subject="?")).subject == "Re: ?"


def test_run_goes_over_retries_and_delays_by_moving_the_clock(jobs: Tickover, kit: Kit) -> None:
    @jobs.job(retries=5)
    def stubborn(ctx: Context) -> int:
        if ctx.attempt < 5:
            raise ValueError("no")
        return ctx.attempt

    before = kit.clock.now()
    assert kit.run(stubborn.using(delay=timedelta(days=1))) == 5
    assert timedelta(days=1, seconds=25) < kit.clock.now() - before < timedelta(days=1, seconds=35)


def test_run_raises_what_result_raises(jobs: Tickover, kit: Kit) -> None:
    @jobs.job(retries=0)
    def fails() -> None:
        raise ValueError("broken")

    with pytest.raises(errors.JobFailedError, match="broken"):
        kit.run(fails)


def test_run_does_not_wait_for_what_time_does_not_bring(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def held() -> None: ...

    jobs.pause_queue("default")
    with pytest.raises(errors.JobNotCompleted, match="is pending, and no passing of time ends that"):
        kit.run(held)


def test_run_refuses_a_payload_that_does_not_fit(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def greet(name: str) -> None: ...

    with pytest.raises(errors.PayloadError):
        kit.run(greet, 3)  # type: ignore[arg-type]  # what this is about


# --- enqueued ----------------------------------------------------------------------------------------------------------


def test_enqueued_tells_what_was_written_in_order_whatever_became_of_it(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def greet(name: str) -> None: ...

    @jobs.job
    def welcome(name: str) -> None:
        greet.using(queue="emails", delay=60).enqueue(name)

    kit.run(welcome, "Ann")
    kit.run(welcome, "Ben")
    assert [(job.payload, job.queue, job.state) for job in kit.enqueued(greet)] == [
        ("Ann", "emails", "pending"),
        ("Ben", "emails", "pending"),
    ]
    assert [job.kind for job in kit.enqueued()] == ["welcome", "greet", "welcome", "greet"]


def test_enqueued_knows_more_jobs_than_fit_on_a_page(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def count(n: int) -> None: ...

    jobs.enqueue_many(count.new(n) for n in range(1500))
    assert [job.payload for job in kit.enqueued(count)] == list(range(1500))


# --- replace -----------------------------------------------------------------------------------------------------------


def test_a_fake_runs_instead_and_gets_the_payload(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def send(ctx: Context, mail: Mail, copies: int = 1) -> str:
        raise AssertionError("nobody is to get this")

    got: list[tuple[str, int]] = []

    def faked(mail: Mail, copies: int = 0) -> str:
        got.append((mail.to, copies))
        return "faked"

    kit.replace(send, faked)
    assert kit.run(send, Mail(to="you")) == "faked"
    assert got == [("you", 1)]


def test_a_fake_of_an_async_handler_may_be_either(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    async def fetch(url: str) -> str:
        raise AssertionError

    async def faked(url: str) -> str:
        return f"async {url}"

    kit.replace(fetch, lambda url: url)
    assert kit.run(fetch, "a") == "a"
    kit.replace(fetch, cast(Any, faked))  # its type is that of what the await gives
    assert kit.run(fetch, "a") == "async a"


def test_an_async_fake_of_a_def_handler_is_refused(jobs: Tickover, kit: Kit) -> None:
    @jobs.job
    def plain() -> None: ...

    async def faked() -> None: ...

    with pytest.raises(errors.InvalidArgument, match="its fake is a def too"):
        kit.replace(plain, cast(Any, faked))


def test_a_remote_handler_runs_where_it_is_replaced(jobs: Tickover, kit: Kit) -> None:
    @jobs.job("ocr", remote=True)
    def ocr(path: str) -> str:
        raise AssertionError("it runs elsewhere")

    kit.replace(ocr, lambda path: path.upper())
    assert kit.run(ocr, "a.png") == "A.PNG"


def test_what_a_fake_returns_is_validated(jobs: Tickover, kit: Kit) -> None:
    @jobs.job(retries=0)
    def count() -> int:
        return 1

    kit.replace(count, cast(Any, lambda: "many"))
    with pytest.raises(errors.JobFailedError, match="the result cannot be stored"):
        kit.run(count)


def test_after_the_block_the_original_is_back(jobs: Tickover) -> None:
    @jobs.job("ocr", remote=True)
    def ocr(path: str) -> str:
        raise AssertionError("it runs elsewhere")

    before = (ocr.fn, ocr.kind.options, ocr.kind.takes_context)
    with in_memory(jobs) as kit:
        kit.replace(ocr, lambda path: path)
        kit.replace(ocr, lambda path: path + path)
        assert kit.run(ocr, "a") == "aa"
    assert (ocr.fn, ocr.kind.options, ocr.kind.takes_context) == before


# --- the Lambda context ------------------------------------------------------------------------------------------------


def test_a_lambda_context_makes_a_budget() -> None:
    context = fake_lambda_context(30)
    assert 29 < Budget.from_lambda(context).seconds <= 30
    assert len(context.aws_request_id) == 36
    assert fake_lambda_context(0).get_remaining_time_in_millis() == 0
